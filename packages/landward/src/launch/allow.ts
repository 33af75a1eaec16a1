/**
 * Turning chosen denials into edits of policy files: shown as a diff, written only on consent, never over a change that
 * somebody made meanwhile.
 *
 * Owns reading and writing the files and which consent a suggestion needs. What to add is `audit/explain`, how a text
 * is edited `audit/allow`.
 */

import {
  chmodSync,
  chownSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { unifiedDiff } from '../audit/allow/diff.ts';
import { editPolicy } from '../audit/allow/edit.ts';
import type { Explanation, Suggestion } from '../audit/explain/explanation.ts';
import { LandwardError } from '../errors.ts';
import { readText } from '../policy/read.ts';

/** An edit of one file. */
export interface FileEdit {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** For a person, escaped. */
  readonly diff: string;
  readonly suggestions: readonly Suggestion[];
}

/** What a person chose. */
export interface AllowRequest {
  readonly explanations: readonly Explanation[];
  /** Numbers of explanations as `explain` shows them, from 1; all that can be allowed when empty. */
  readonly numbers: readonly number[];
  /** The file to edit where a layer has none of its own (a preset, an option). */
  readonly to?: string;
  /** Values of weighty suggestions that the person consented to by name. */
  readonly consents: readonly string[];
  readonly cwd: string;
}

/** What a request comes to. */
export interface Proposal {
  readonly edits: readonly FileEdit[];
  /** Suggestions that need a consent of their own, with why. */
  readonly withheld: readonly Suggestion[];
}

/**
 * Words the edits; writes nothing.
 *
 * @throws LandwardError USAGE for a number that is none, or where nothing says which file to edit
 */
export async function proposeEdits(request: AllowRequest): Promise<Proposal> {
  const { numbers, explanations, consents } = request;
  const chosen = numbers.length === 0 ? explanations : numbers.map((number) => pick(explanations, number));
  const suggestions = unique(chosen.flatMap((explanation) => explanation.suggestions));
  const withheld = suggestions.filter(({ weighty, value, alsoOpens }) => {
    const heavy = weighty !== undefined || alsoOpens.secret > 0;
    return heavy && !consents.includes(value);
  });
  const edits = new Map<string, { before: string; after: string; suggestions: Suggestion[] }>();
  for (const suggestion of suggestions) {
    if (withheld.includes(suggestion)) continue;
    const file = fileOf(suggestion, request);
    const edit = edits.get(file) ?? { before: read(file), after: read(file), suggestions: [] };
    edit.after = await readable(file, suggestion, await editPolicy(edit.after, file, suggestion));
    edit.suggestions.push(suggestion);
    edits.set(file, edit);
  }
  return {
    edits: [...edits].map(([file, edit]) => ({
      file,
      ...edit,
      diff: unifiedDiff(edit.before, edit.after, file),
    })),
    withheld,
  };
}

/**
 * Writes an edit: whole or not at all, with the owner and mode of the file that it replaces.
 *
 * @throws LandwardError USAGE where the file has changed since the edit was worded, or cannot be replaced
 */
export function applyEdit({ file, before, after }: FileEdit): void {
  const exists = statSync(file, { throwIfNoEntry: false }) !== undefined;
  if ((exists ? readFileSync(file, 'utf8') : '') !== before)
    throw new LandwardError('USAGE', `${file} has changed meanwhile, so nothing was written`, {
      part: file,
      fix: 'Run landward allow again',
    });
  // What a link leads to is replaced, not the link.
  const target = exists ? realpathSync(file) : file;
  const draft = join(dirname(target), `.landward-${process.pid}-${process.hrtime.bigint().toString(36)}`);
  const was = exists ? lstatSync(target) : undefined;
  try {
    // Nobody else's before it is whole.
    writeFileSync(draft, after, { flag: 'wx', mode: was === undefined ? 0o644 : 0o600 });
    if (was !== undefined) {
      if (was.uid !== process.geteuid?.() || was.gid !== process.getegid?.())
        chownSync(draft, was.uid, was.gid);
      chmodSync(draft, was.mode & 0o777);
    }
    renameSync(draft, target);
  } catch (cause) {
    rmSync(draft, { force: true });
    throw new LandwardError('USAGE', `${file} cannot be replaced: ${(cause as NodeJS.ErrnoException).code}`, {
      part: file,
      fix: 'Run it as the owner of the file, or add the lines of the diff by hand',
      cause,
    });
  }
}

/** What was edited, once it was read like any policy: a text may say a section in a way that takes no addition. */
async function readable(file: string, { section, key, value }: Suggestion, text: string): Promise<string> {
  try {
    await readText(file, text);
    return text;
  } catch (cause) {
    throw new LandwardError(
      'USAGE',
      `'${value}' cannot be added to ${section}.${key} as ${file} is written`,
      {
        part: file,
        fix: 'Add it by hand',
        cause,
      },
    );
  }
}

function pick(explanations: readonly Explanation[], number: number): Explanation {
  const explanation = explanations[number - 1];
  if (explanation !== undefined) return explanation;
  throw new LandwardError('USAGE', `There is no denial number ${number}`, {
    part: String(number),
    fix: `Give numbers from 1 to ${explanations.length}, as landward explain shows them`,
  });
}

function unique(suggestions: readonly Suggestion[]): Suggestion[] {
  const known = new Map(
    suggestions.map((one) => [`${one.file}\0${one.kind}\0${one.section}\0${one.key}\0${one.value}`, one]),
  );
  return [...known.values()];
}

/** A layer's own file, or the one that was named for those that have none. */
function fileOf({ file, value }: Suggestion, { to, cwd }: AllowRequest): string {
  if (isAbsolute(file)) return file;
  if (to !== undefined) return isAbsolute(to) ? to : join(cwd, to);
  throw new LandwardError('USAGE', `'${file}' is no file, so '${value}' cannot be added to it`, {
    part: file,
    fix: 'Name a policy file with --to, and use it with -p in the next run',
  });
}

function read(file: string): string {
  return statSync(file, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(file, 'utf8');
}
