/**
 * Judges results of the self-tests against the list of deviations: each case passes, or is listed with what it does
 * instead and why. A listed case that passes is an error too.
 */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Outcome, ProgramResult } from './conformance-run.ts';

/** Cases that do not pass, with the reason. */
export interface Deviation {
  readonly program: string;
  /** A case's name, or a pattern between slashes. */
  readonly case: string;
  readonly outcome: 'fail' | 'skip';
  readonly reason: string;
}

/** `test/conformance/expected-*.json`. */
export interface Expected {
  readonly suite: string;
  readonly version: string;
  readonly abi: number;
  /** Cases of each program, so that none is lost. */
  readonly cases: Readonly<Record<string, number>>;
  readonly deviations: readonly Deviation[];
}

/** Reads what is expected of a suite. */
export function readExpected(suite: string): Expected {
  const file = resolve(import.meta.dirname, '..', 'test/conformance', `expected-${suite}.json`);
  return JSON.parse(readFileSync(join(file), 'utf8')) as Expected;
}

function matches(deviation: Deviation, program: string, name: string): boolean {
  if (deviation.program !== program) return false;
  const pattern = /^\/(.*)\/$/.exec(deviation.case);
  return pattern === null ? deviation.case === name : new RegExp(`^(?:${pattern[1]})$`).test(name);
}

/**
 * What is not as expected, a sentence each.
 *
 * @param whole whether the results are of whole programs; only then can a case be missing
 */
export function differences(results: readonly ProgramResult[], expected: Expected, whole: boolean): string[] {
  const told: string[] = [];
  for (const { program, cases, planned } of results) {
    const want = expected.cases[program];
    if (whole && want !== planned)
      told.push(`${program}: ${planned} cases, ${want ?? 'no such program'} expected`);
    if (whole && cases.size !== planned)
      told.push(`${program}: only ${cases.size} of ${planned} cases reported`);
    for (const [name, outcome] of cases) {
      const deviation = expected.deviations.find((one) => matches(one, program, name));
      const wanted: Outcome = deviation?.outcome ?? 'pass';
      if (outcome === wanted) continue;
      told.push(
        deviation === undefined
          ? `${program} ${name}: ${outcome}, must pass`
          : `${program} ${name}: ${outcome}, but ${wanted} is listed (${deviation.reason})`,
      );
    }
  }
  for (const deviation of expected.deviations) {
    const result = results.find(({ program }) => program === deviation.program);
    if (!whole || result === undefined) continue;
    if (![...result.cases.keys()].some((name) => matches(deviation, deviation.program, name)))
      told.push(`${deviation.program} ${deviation.case}: listed, but there is no such case`);
  }
  return told;
}

/** A count of each outcome. */
export function count(result: ProgramResult): Readonly<Record<Outcome | 'lost', number>> {
  const counts = { pass: 0, fail: 0, skip: 0, lost: Math.max(0, result.planned - result.cases.size) };
  for (const outcome of result.cases.values()) counts[outcome]++;
  return counts;
}

/** The results as a table, a program a line, the sum last. */
export function renderTable(results: readonly ProgramResult[]): string {
  const rows = results.map((result) => {
    const { pass, fail, skip, lost } = count(result);
    return [result.program, result.planned, pass, skip, fail + lost, `${Math.round(result.milliseconds)} ms`];
  });
  const sum = [1, 2, 3, 4].map((column) => rows.reduce((total, row) => total + Number(row[column]), 0));
  const lines = [
    '| program | cases | pass | skip | fail | time |',
    '|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    `| sum | ${sum.join(' | ')} | |`,
  ];
  return lines.join('\n');
}
