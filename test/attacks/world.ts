/**
 * The small world in which every attack runs: a project that the policy lets the program write, a file that it may
 * only read, and a secret that it may not see; plus the probe that attacks. Each run gets a fresh one.
 */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, globSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../kit/needs.ts';

export interface World {
  /** The directory above all others; the program may not list it. */
  readonly top: string;
  /** The project: read and write. */
  readonly project: string;
  /** Readable, not writable; holds `file` with the text "public". */
  readonly library: string;
  /** Neither; holds `secret`. */
  readonly outside: string;
  readonly secret: string;
  /** What `secret` holds: nobody can print it without having read it. */
  readonly token: string;
  /** Readable and executable; holds the probe. */
  readonly tools: string;
  readonly probe: string;
  remove(): void;
}

let compiled: string | undefined;

/** Compiles the probe once per process; throws with the compiler's words when it does not compile. */
function compileProbe(): string {
  if (compiled !== undefined) return compiled;
  const folder = mkdtempSync(join(tmpdir(), 'landward-probe-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'probe');
  const sources = globSync('test/attacks/probe/*.c', { cwd: root }).map((source) => join(root, source));
  const cc = spawnSync('cc', ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-o', file, ...sources], {
    encoding: 'utf8',
  });
  if (cc.status !== 0) throw new Error(`the probe does not compile\n${cc.stderr}`);
  compiled = file;
  return file;
}

export function makeWorld(): World {
  const top = realpathSync(mkdtempSync(join(tmpdir(), 'landward-attack-')));
  chmodSync(top, 0o755);
  const [project, library, outside, tools] = ['project', 'library', 'outside', 'tools'].map((name) =>
    join(top, name),
  ) as [string, string, string, string];
  for (const folder of [project, library, outside, tools]) mkdirSync(folder);
  const token = `token-${randomBytes(12).toString('hex')}`;
  writeFileSync(join(outside, 'secret'), `${token}\n`);
  writeFileSync(join(library, 'file'), 'public\n');
  writeFileSync(join(project, 'own'), 'own\n');
  const probe = join(tools, 'probe');
  const copied = spawnSync('cp', [compileProbe(), probe]);
  if (copied.status !== 0) throw new Error(`cp failed: ${copied.stderr}`);
  return {
    top,
    project,
    library,
    outside,
    secret: join(outside, 'secret'),
    token,
    tools,
    probe,
    remove: () => rmSync(top, { recursive: true, force: true }),
  };
}

/** What a case changes in the confined policy: more paths for a verb, and whole sections. */
export interface PolicyChange {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly exec?: readonly string[];
  readonly modify?: readonly string[];
  /** `false` takes the project out of `write`. */
  readonly ownProject?: boolean;
  readonly device?: readonly string[];
  /** Lines of `[fs]`, such as a deny. */
  readonly fs?: string;
  /** Whole sections by name, each with its lines. */
  readonly sections?: Readonly<Record<string, string>>;
}

const SYSTEM = ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache', '/etc/alternatives'];

/** The policy of every attack: the system and `library` readable, the project writable, no network, no socket, no secret. */
export function policyText(world: World, change: PolicyChange = {}): string {
  const verb = (name: string, paths: readonly string[]) => {
    const rules = paths.map((path) => `{ path = ${JSON.stringify(path)}, optional = true }`);
    return `${name} = [${rules.join(', ')}]`;
  };
  const sections: Record<string, string> = { net: 'connect = []', unix: 'connect = []', ...change.sections };
  return [
    '[fs]',
    verb('read', [...SYSTEM, world.library, ...(change.read ?? [])]),
    verb('exec', [...SYSTEM, world.tools, ...(change.exec ?? [])]),
    verb('write', [...(change.ownProject === false ? [] : [world.project]), ...(change.write ?? [])]),
    verb('modify', change.modify ?? []),
    verb('device', ['/dev/null', ...(change.device ?? [])]),
    change.fs ?? '',
    ...Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines}`),
    '',
  ].join('\n');
}
