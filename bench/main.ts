/**
 * `npm run bench [-- topic…]`: prints ratios measured side by side in this run. One folder a question; each prints its own
 * table. Nothing here is a test: a number that is worse than yesterday's fails nothing, it is read by a person.
 */

import { printMachine } from './kit/print.ts';

const TOPICS: Readonly<
  Record<string, { readonly question: string; load(): Promise<{ run(): Promise<void> }> }>
> = {
  start: { question: 'What does a confined start cost?', load: () => import('./start/start.ts') },
  spawn: {
    question: 'What does a confined spawn cost in a large process?',
    load: () => import('./spawn/spawn.ts'),
  },
  rules: { question: 'What do many rules cost?', load: () => import('./rules/rules.ts') },
  restrict: {
    question: 'How long does a running Node take to confine itself?',
    load: () => import('./restrict/restrict.ts'),
  },
  fleet: {
    question: 'What does a fleet of 10,000 hosts cost, and is every denial accounted for?',
    load: () => import('./fleet/fleet.ts'),
  },
  model: {
    question: 'How long does a decision of the model take, and does it grow with the rules?',
    load: () => import('./model/decide.ts'),
  },
  programs: {
    question: 'How long can policy programs take for one question?',
    load: () => import('./programs/programs.ts'),
  },
  supervisor: {
    question: 'What does the supervisor cost, a call and a command?',
    load: () => import('./supervisor/supervisor.ts'),
  },
  notify: {
    question: 'What does a notified call cost before anything is decided?',
    load: () => import('./notify/notify.ts'),
  },
  'audit-log': {
    question: 'How fast is a log of the audit daemon analysed, and are the counts right?',
    load: () => import('./audit-log/audit-log.ts'),
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((topic) => !Object.hasOwn(TOPICS, topic));
if (unknown.length > 0) {
  console.error(`unknown topic: ${unknown.join(' ')}. Topics:`);
  for (const [name, { question }] of Object.entries(TOPICS)) console.error(`  ${name.padEnd(10)}${question}`);
  process.exit(1);
}
printMachine();
for (const [name, { question, load }] of Object.entries(TOPICS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n== ${name}: ${question}`);
  await (await load()).run();
}
