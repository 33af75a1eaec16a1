/**
 * Every alarm that ships with landward, raised by a real attack: a program confined by `landward run` on this kernel does
 * it, the kernel's audit tells, and the alarm names the program. A program that only looks around raises none.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { shippedAlarms } from '../../packages/landward/src/audit/alarms/shipped.ts';
import { type Alarm, seenInMemory, Watch } from '../../packages/landward/src/audit/alarms/watch.ts';
import { programOf } from '../../packages/landward/src/audit/event-text.ts';
import { Intake } from '../../packages/landward/src/audit/store/intake.ts';
import { openStore } from '../../packages/landward/src/audit/store/store.ts';
import { auditUnmet, whileReading } from '../kit/audit.ts';
import { runChild, runScript } from '../kit/child.ts';
import { root, unmet } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const reason = auditUnmet() ?? unmet({ tools: ['perl'], arch: 'x64' });
const options = reason === undefined ? {} : { skip: reason };

/** What each attack does, in Perl: calls that are denied are what it is for, so it never looks at results. */
const attacks = (home: string, outside: readonly number[]): Readonly<Record<string, string>> => ({
  'key-hunting': `open(F, "<", "${home}/$_") for ".ssh/id_ed25519", ".ssh/config", ".aws/credentials", ".netrc";`,
  'port-scan': `use Socket; for (1..12) { socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in($_, inet_aton("127.0.0.1"))); }`,
  // PTRACE_ATTACH to a process outside.
  ptrace: `syscall(101, 16, ${outside[0]}, 0, 0);`,
  'signals-outside': `kill 0, $_ for ${outside.join(', ')};`,
  // mount("none", "/mnt", "tmpfs").
  remount: `my ($n, $m, $t) = ("none", "/mnt", "tmpfs"); syscall(165, $n, $m, $t, 0, 0);`,
  'cloud-metadata': `use Socket; socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(80, inet_aton("169.254.169.254")));`,
  'mass-change': `open(F, ">>", "${home}/files/$_") for 1..60;`,
  'first-net-program': `use Socket; socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(443, inet_aton("127.0.0.1")));`,
});
/**
 * Attacks that landward's own filter refuses before Landlock is asked, and so before the kernel has anything to tell: they
 * run in a bare Landlock domain, such as other sandboxes make.
 */
const BARE: ReadonlySet<string> = new Set(['ptrace', 'remount']);
const bareDomain = `
  import { spawnSync } from 'node:child_process';
  import { createRuleset, restrictSelf } from './packages/landward/src/kernel/landlock.ts';
  import { setNoNewPrivs } from './packages/landward/src/kernel/process.ts';
  import { RESTRICT_SELF } from './packages/landward/src/uapi/landlock.ts';
  import { fsMask } from './packages/landward/src/uapi/masks.ts';
  const ruleset = createRuleset({ fs: fsMask('fs.make_block'), net: 0, scoped: 0 });
  setNoNewPrivs();
  restrictSelf(ruleset, RESTRICT_SELF.LOG_NEW_EXEC_ON);
  const [program, script] = process.argv.slice(-2);
  process.exitCode = spawnSync(program, ['-e', script]).status;
`;
/** One look at one key, as honest tools take. */
const BENIGN = (home: string) => `open(F, "<", "${home}/.netrc"); open(F, ">>", "${home}/files/1");`;

test('each shipped alarm is raised by its attack, and by nothing else', options, async (t) => {
  const place = temporaryDirectory(t, 'alarms');
  // The alarms look below /home.
  const home = mkdtempSync('/home/landward-test-');
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const folder of ['.ssh', '.aws', 'files']) mkdirSync(join(home, folder));
  for (const file of ['.ssh/id_ed25519', '.ssh/config', '.aws/credentials', '.netrc'])
    writeFileSync(join(home, file), 'key\n');
  for (let file = 1; file <= 60; file++) writeFileSync(join(home, 'files', String(file)), '');
  const sleepers = Array.from({ length: 6 }, () => spawn('sleep', ['60'], { stdio: 'ignore' }));
  t.after(() => {
    for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  });
  const work = {
    ...attacks(
      home,
      sleepers.map(({ pid }) => pid!),
    ),
    benign: BENIGN(home),
  };
  const rules = await shippedAlarms();
  assert.deepEqual(
    Object.keys(work)
      .filter((name) => name !== 'benign')
      .sort(),
    rules.map(({ name }) => name).sort(),
  );
  const policy = join(place, 'policy.toml');
  const programs = join(place, 'programs');
  mkdirSync(programs);
  writeFileSync(
    policy,
    `extends = ["@base"]\n[fs]\nread = ["${programs}", "/usr"]\nexec = ["${programs}", "/usr"]\n[net]\nconnect = ["tcp:9999"]\n`,
  );
  const perl = realpathSync('/usr/bin/perl');
  const items = await whileReading(
    async () => {
      for (const [name, script] of Object.entries(work)) {
        // A program of its own for each, so that its denials are known among those of other tests.
        const program = join(programs, name);
        copyFileSync(perl, program);
        chmodSync(program, 0o755);
        const run = [join(root, 'test/kit/landward.ts'), 'run', '--degrade', 'self', '-p', policy, '--'];
        const result = BARE.has(name)
          ? await runScript(bareDomain, [program, script])
          : await runChild(process.execPath, [...run, program, '-e', script], { cwd: place });
        assert.equal(result.code, 0, `${name}: ${result.stderr}`);
      }
    },
    (all) =>
      all.filter((item) => item.kind === 'denial' && programOf(item.event)?.startsWith(programs)).length >=
      92,
  );
  const ours = items.filter(
    (item) => item.kind === 'denial' && programOf(item.event)?.startsWith(`${programs}/`),
  );
  const watch = new Watch(rules, seenInMemory());
  const alarms = ours.flatMap((item): readonly Alarm[] =>
    item.kind === 'denial' ? watch.observe(item.event) : [],
  );
  const told = new Map<string, string[]>();
  for (const { rule, group } of alarms) {
    const program = group.program!.slice(programs.length + 1);
    told.set(program, [...(told.get(program) ?? []), rule.name].sort());
  }
  assert.deepEqual(Object.fromEntries(told), {
    'key-hunting': ['key-hunting'],
    'port-scan': ['first-net-program', 'port-scan'],
    ptrace: ['ptrace'],
    'signals-outside': ['signals-outside'],
    remount: ['remount'],
    'cloud-metadata': ['cloud-metadata', 'first-net-program'],
    'mass-change': ['mass-change'],
    'first-net-program': ['first-net-program'],
  });

  // What the kernel told goes into a store once, however often it is read.
  using store = await openStore({ file: ':memory:' });
  assert.equal(new Intake(store).add(items).known, 0);
  assert.equal(new Intake(store).add(items).added, 0);
});
