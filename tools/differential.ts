/**
 * `npm run differential -- --cases N --seed S`: random cases on the running kernel and on the model, compared errno by
 * errno; with `--audit` also the blame that audit records name. Prints figures, or the first difference shrunken to a test, and then ends with status 1.
 */

import { parseArgs } from 'node:util';
import { blameDifference, recordCount, runWithAudit } from '../test/differential/audit.ts';
import { ask, asTest, firstDifference, NOT_HERE, shrink } from '../test/differential/compare.ts';
import { type Case, generate } from '../test/differential/generate.ts';
import { build, missing, runOnKernel } from '../test/differential/kernel.ts';
import { ONCE_DIFFERED } from '../test/differential/once-differed.ts';
import { rareCases } from '../test/differential/rare-cases.ts';
import { runningBehaviour } from '../test/differential/running.ts';

const BATCH = 200;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '60' },
    audit: { type: 'boolean', default: false },
    knobs: { type: 'string', default: '{}' },
  },
});

const reason = missing();
if (reason !== null) {
  console.error(`differential: ${reason}`);
  process.exit(125);
}

// `--knobs` tells what neither ABI nor errata announce of an early stable kernel, as JSON: {"sigioGroup":"registration"}
const running = runningBehaviour(build());
const behaviour = { ...running, knobs: { ...running.knobs, ...(JSON.parse(values.knobs) as object) } };
/** Fixed cases come before the random ones; `--cases 0` runs them alone. */
const rare = rareCases(behaviour).filter(({ abi = 1 }) => abi <= behaviour.abi);
const fixed = [...rare, ...ONCE_DIFFERED].map(({ about, steps }) => ({
  seed: about,
  steps,
  answers: ask(behaviour, steps)!,
}));
const count = Number(values.cases);
const firstSeed = Number(values.seed);
const counts = new Map<string, number>();
const results = { allowed: 0, denied: 0, other: 0, absent: 0 };
const started = performance.now();
let steps = 0;
let records = 0;

await compare(fixed);
for (let at = 0; at < count; at += BATCH) {
  const cases: Case[] = [];
  for (let index = at; index < Math.min(at + BATCH, count); index++) {
    cases.push(generate(behaviour, firstSeed + index, Number(values.operations)));
  }
  await compare(cases);
}

async function compare(cases: readonly (Omit<Case, 'seed'> & { seed: number | string })[]): Promise<void> {
  const lists = cases.map((one) => one.steps);
  const audited = values.audit ? await runWithAudit(lists, build()) : null;
  const kernel = audited === null ? await runOnKernel(lists) : audited.map((one) => one.errnos);
  for (const [index, one] of cases.entries()) {
    const difference = firstDifference(one.steps, one.answers, kernel[index]!);
    if (difference !== null) {
      console.error(
        `seed ${one.seed}: difference at step ${difference.index} of ${one.steps.length}; shrinking`,
      );
      const small = await shrink(behaviour, one.steps);
      console.error(asTest(small.steps, small.difference));
      process.exit(1);
    }
    if (audited !== null) {
      const blame = blameDifference(behaviour, one.steps, audited[index]!);
      if (blame !== null) {
        console.error(`seed ${one.seed}: ${blame}`);
        process.exit(1);
      }
      records += recordCount(audited[index]!);
    }
    one.steps.forEach((step, position) => {
      const answer = one.answers[position]!;
      steps++;
      counts.set(step.op, (counts.get(step.op) ?? 0) + 1);
      if (kernel[index]![position] === NOT_HERE) results.absent++;
      else if (answer.decision !== undefined && !answer.decision.allowed) results.denied++;
      else if (answer.errno <= 0) results.allowed++;
      else results.other++;
    });
  }
}

const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(
  `ABI ${behaviour.abi}, errata ${behaviour.errata}: ${fixed.length} fixed and ${count} random cases, ${steps} operations, no difference (${seconds} s)`,
);
if (values.audit) console.log(`${records} audit records agree in blockers, object and domain`);
console.log(
  `allowed ${results.allowed}, denied by Landlock ${results.denied}, failed otherwise ${results.other}, not available ${results.absent}`,
);
console.log(
  [...counts]
    .sort((one, other) => other[1] - one[1])
    .map(([op, times]) => `${op} ${times}`)
    .join(', '),
);
