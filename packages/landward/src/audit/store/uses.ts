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

/** One line of a policy, and how it was used. */
export interface PolicyLine {
  readonly file: string;
  readonly line: number;
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
    .prepare('SELECT file, line, count, last FROM rule_use WHERE digest = ?')
    .all(digest))
    note(`${row.line}\0${row.file}`, Number(row.count), Number(row.last));
  const stopped = store
    .prepare(
      `SELECT json_extract(json, '$.blame.rule.origin.file') AS file, json_extract(json, '$.blame.rule.origin.line') AS line,
         count(*) AS count, max(time) AS last FROM event
       WHERE digest = ? AND json_extract(json, '$.blame.rule') IS NOT NULL GROUP BY 1, 2`,
    )
    .all(digest);
  for (const row of stopped) note(`${row.line}\0${row.file}`, Number(row.count), Number(row.last));
  const lines = linesOf(layers).map((line): PolicyLine => {
    const found = uses.get(`${line.line}\0${line.file}`);
    return found === undefined ? line : { ...line, uses: found.count, last: found.last / 1000 };
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

const SHOWN = 3;

function linesOf(layers: readonly RuleLayer[]): readonly PolicyLine[] {
  const lines = new Map<string, PolicyLine>();
  for (const rule of layers.flatMap((layer) => layer.rules)) {
    const { file, line, preset } = rule.origin;
    const key = `${line}\0${file}`;
    const found = lines.get(key) ?? { file, line, verdicts: [], rules: [], uses: 0 };
    lines.set(key, {
      ...found,
      ...(preset === undefined ? {} : { preset }),
      verdicts: [...new Set([...found.verdicts, rule.verdict])],
      rules: found.rules.length < SHOWN ? [...new Set([...found.rules, ruleText(rule)])] : found.rules,
    });
  }
  return [...lines.values()].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}
