/** `landward watch`: alarms on denials, by rules that ship with landward or are one's own. */

import { readFileSync } from 'node:fs';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';
import { STORE_OPTIONS, sourcesOf, storeOf, usesRegistry } from './denial-options.ts';
import { untilSignal } from './until-signal.ts';

const usage = 'landward watch [--rule FILE]... [--from SOURCE]... [--once] [--learn] [--json] | --print';

const options = {
  rule: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'alarms in TOML, instead of the shipped ones',
  },
  shipped: { type: 'boolean', help: 'the shipped alarms as well' },
  ...STORE_OPTIONS,
  once: { type: 'boolean', help: 'look at what is there and new since the last time, then end' },
  learn: { type: 'boolean', help: 'remember what is seen, without alarms' },
  json: { type: 'boolean', help: 'print JSON, one alarm a line' },
  print: { type: 'boolean', help: 'print the shipped alarms, as a start for your own' },
} as const;

export const command: Command = {
  usage,
  help: `Follows the registry of your runs, and each SOURCE (as root: --from audit), and tells what is suspicious. A rule can start a program.
Exit status with --once: 0 without an alarm, 1 with one.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0 || rest !== undefined)
      usageError('watch takes no operands', usage, operands[0] ?? rest?.[0]);
    const { SHIPPED_TEXT, shippedAlarms } = await import('../audit/alarms/shipped.ts');
    if (values.print) {
      print(SHIPPED_TEXT);
      return 0;
    }
    const [{ readAlarms }, { runWatch }, { alarmToJson, describeAlarm }, { coverageLines }, { coverageOf }] =
      await Promise.all([
        import('../audit/alarms/rule.ts'),
        import('../audit/alarms/run.ts'),
        import('../audit/alarms/tell.ts'),
        import('../audit/store/words.ts'),
        import('../audit/store/stats.ts'),
      ]);
    const own = (values.rule ?? []).map((file) => readAlarms(file, readFileSync(file)));
    const shipped = values.rule === undefined || values.shipped ? [shippedAlarms()] : [];
    const rules = (await Promise.all([...own, ...shipped])).flat();
    using store = await storeOf(values.store === undefined ? {} : { store: values.store }, { follow: true });
    let alarms = 0;
    const { dropped, failed } = await untilSignal((signal) =>
      runWatch(
        store,
        {
          rules,
          sources: sourcesOf(values),
          registry: usesRegistry(values),
          once: values.once === true,
          learn: values.learn === true,
          signal,
          ready: () => printError(`landward: watching with ${rules.length} alarms\n`),
        },
        (alarm) => {
          alarms++;
          print(values.json ? `${JSON.stringify(alarmToJson(alarm))}\n` : describeAlarm(alarm));
        },
      ),
    );
    for (const line of coverageLines(coverageOf(store))) printError(`landward: not covered: ${line}\n`);
    if (dropped + failed > 0)
      printError(`landward: of the hooks, ${failed} failed and ${dropped} were not started\n`);
    return values.once && alarms > 0 ? 1 : 0;
  },
};
