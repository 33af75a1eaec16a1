/**
 * Which lines of a policy were needed: what supervised runs observed, against what the policy says.
 *
 * Owns the account and its honesty. A line that was never used is not a line that is not needed: the answer always says
 * over how many runs, and whether those runs could see everything.
 */

import { ruleText } from '../../model/rules/rule-text.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { count, finite, flag, list, oneOf, readShape, record, type Shape, text } from '../shape.ts';
import { microseconds } from './row.ts';
import { inTransaction } from './sqlite.ts';
import type { Store } from './store.ts';

/** What one run observed, as the registry keeps it (`runs/STEM.uses`). */
export interface RunUses {
  readonly version: 1;
  /** Whether every decision of the run was counted. */
  readonly complete: boolean;
  readonly uses: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly text: string;
    readonly count: number;
  }[];
}

const USES: Shape<RunUses> = record(
  {
    version: oneOf(1),
    complete: flag,
    uses: list(record({ file: text, line: count, column: count, text, count: finite }, {})),
  },
  {},
);

/** Reads what a run observed; the reason where it is none. */
export function readUses(value: unknown): ReturnType<typeof readShape<RunUses>> {
  return readShape(USES, value);
}

/** Adds what a run observed; a run is added once. */
export function addUses(
  store: Store,
  run: { readonly id: string; readonly digest: string; readonly time: number },
  { complete, uses }: RunUses,
): void {
  inTransaction(store.database, () => {
    const time = microseconds(run.time);
    const added = store
      .prepare('INSERT OR IGNORE INTO observed_run (run, digest, time, complete) VALUES (?, ?, ?, ?)')
      .run(run.id, run.digest, time, complete ? 1 : 0);
    if (added.changes === 0) return;
    for (const { file, line, column, text: rule, count: times } of uses)
      store
        .prepare(
          `INSERT INTO rule_use (digest, file, line, "column", text, count, first, last) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET count = count + excluded.count, first = min(first, excluded.first),
             last = max(last, excluded.last)`,
        )
        .run(run.digest, file, line, column, rule, times, time, time);
  });
}

/** One place of a policy (an item of a list), and how it was used. */
export interface PolicyLine {
  readonly file: string;
  /** 0 for a preset, which counts as one. */
  readonly line: number;
  readonly column: number;
  /** The preset that the line came from. */
  readonly preset?: string;
  readonly verdicts: readonly string[];
  /** What the line says, as rules; the first few. */
  readonly rules: readonly string[];
  readonly uses: number;
  /** Milliseconds since 1970 of the last run that used it. */
  readonly last?: number;
}

/** How a policy was used. */
export interface PolicyUse {
  readonly digest: string;
  /** Runs of this policy that told what they used, and how many of them could not see everything. */
  readonly runs: number;
  readonly partial: number;
  readonly used: readonly PolicyLine[];
  /** Lines that no observed decision needed. Says nothing where `runs` is 0. */
  readonly unused: readonly PolicyLine[];
}

/**
 * Compares the lines of a policy with what its runs observed. Lines that allow are used when they allowed something, lines
 * that deny, hide or ask when they stopped something.
 */
export function policyUse(store: Store, digest: string, layers: readonly RuleLayer[]): PolicyUse {
  const uses = new Map<string, { count: number; last: number }>();
  const note = (key: string, times: number, last: number) => {
    const found = uses.get(key) ?? { count: 0, last: 0 };
    uses.set(key, { count: found.count + times, last: Math.max(found.last, last) });
  };
  for (const row of store
    .prepare('SELECT file, line, "column", count, last FROM rule_use WHERE digest = ?')
    .all(digest))
    note(placeOf(row), Number(row.count), Number(row.last));
  const stopped = store
    .prepare(
      `SELECT json_extract(json, '$.blame.rule.origin.file') AS file, json_extract(json, '$.blame.rule.origin.line') AS line,
         json_extract(json, '$.blame.rule.origin.column') AS "column",
         count(*) AS count, max(time) AS last FROM event
       WHERE digest = ? AND json_extract(json, '$.blame.rule') IS NOT NULL GROUP BY 1, 2, 3`,
    )
    .all(digest);
  for (const row of stopped) note(placeOf(row), Number(row.count), Number(row.last));
  const lines = linesOf(layers).map((line): PolicyLine => {
    // Runs name a preset by its name, denials by its text.
    const names = new Set([line.file, line.preset ?? line.file]);
    const found = [...names].flatMap((name) => uses.get(placeOf({ ...line, file: name })) ?? []);
    if (found.length === 0) return line;
    const count = found.reduce((sum, each) => sum + each.count, 0);
    return { ...line, uses: count, last: Math.max(...found.map(({ last }) => last)) / 1000 };
  });
  const runs = store
    .prepare(
      'SELECT count(*) AS runs, coalesce(sum(complete = 0), 0) AS partial FROM observed_run WHERE digest = ?',
    )
    .get(digest) as { runs: number; partial: number };
  return {
    digest,
    ...runs,
    used: lines.filter((line) => line.uses > 0),
    unused: lines.filter((line) => line.uses === 0),
  };
}

/** The name of a place. */
function placeOf({
  file,
  line,
  column,
}: {
  readonly file?: unknown;
  readonly line?: unknown;
  readonly column?: unknown;
}): string {
  return `${line}:${column}\0${file}`;
}

const SHOWN = 3;

function linesOf(layers: readonly RuleLayer[]): readonly PolicyLine[] {
  const lines = new Map<string, PolicyLine>();
  for (const rule of layers.flatMap((layer) => layer.rules)) {
    const { file, line, column, preset } = rule.origin;
    const key = placeOf(rule.origin);
    const found = lines.get(key) ?? { file, line, column, verdicts: [], rules: [], uses: 0 };
    lines.set(key, {
      ...found,
      ...(preset === undefined ? {} : { preset }),
      verdicts: [...new Set([...found.verdicts, rule.verdict])],
      rules: found.rules.length < SHOWN ? [...new Set([...found.rules, ruleText(rule)])] : found.rules,
    });
  }
  return [...lines.values()].sort((a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1,
  );
}
