import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { findRuns } from '../../packages/landward/src/audit/registry/read.ts';
import { attempt } from '../../packages/landward/src/kernel/call.ts';
import { type Domain, openDomain } from '../../packages/landward/src/launch/domain.ts';
import { spawn as confine } from '../../packages/landward/src/launch/spawn.ts';
import type { LandlockRun } from '../../packages/landward/src/supervisor/landlock/landlock-run.ts';
import { seenDomain } from '../../packages/landward/src/supervisor/landlock/seen-domain.ts';
import { runChild, runScript } from '../kit/child.ts';
import { type GoingOn, type Owner, owner } from '../kit/going-on.ts';
import { needs, root } from '../kit/needs.ts';
import { objectOf } from '../kit/policy-programs.ts';

const options = needs({ supervisor: true });
const CHILD = join(root, 'test/kit/domain-child.ts');

interface Program extends Owner {
  readonly program: GoingOn;
  ask(line: string): Promise<string>;
  /** Opens a domain, with the registry of this owner; closed after the test. */
  open(pid: number | { readonly pidfd: number }): Promise<Domain>;
}

function using(t: TestContext, one: Owner, program: GoingOn): Program {
  process.env.XDG_STATE_HOME = one.env.XDG_STATE_HOME;
  return {
    ...one,
    program,
    ask: (line) => {
      program.say(line);
      return program.line();
    },
    async open(pid) {
      const domain = await openDomain(pid);
      t.after(() => domain.close());
      return domain;
    },
  };
}

/** A program whose Landlock is answered in user space. */
async function restricting(t: TestContext): Promise<Program & { readonly pid: number }> {
  const one = owner(t);
  const made = using(t, one, one.start('run', '--landlock=user', '--', process.execPath, CHILD));
  return { ...made, pid: Number(await made.ask('pid')) };
}

/** A program under a policy. */
async function confined(t: TestContext): Promise<Program & { readonly pid: number }> {
  const one = owner(t);
  for (const name of ['in', 'out', 'never']) mkdirSync(join(one.directory, name));
  const policy = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null", "in"]\ndeny = ["never"]\n[env]\npass = ["*"]\n`;
  writeFileSync(join(one.directory, 'p.toml'), policy.replaceAll(/"(in|never)"/g, `"${one.directory}/$1"`));
  const made = using(t, one, one.start('run', '-p', 'p.toml', '--', process.execPath, CHILD));
  return { ...made, pid: Number(await made.ask('pid')) };
}

test(
  'each restriction of a thread is another domain, named and numbered after it [R-003-1, R-003-2, R-003-20]',
  options,
  async (t) => {
    const one = await restricting(t);
    await assert.rejects(one.open(one.pid), /unknown/);
    const seen: bigint[] = [];
    for (const version of [0, 1, 2]) {
      assert.equal(await one.ask(`restrict ${one.directory}`), 'restricted');
      const domain = await one.open(one.pid);
      assert.equal(domain.name, `${one.pid}.${version}`);
      assert.equal(domain.ownLayers, version + 1);
      const { first, last } = domain.info();
      seen.push(last!);
      // Nobody is above this reader: all is told, and the outermost stays what it was.
      assert.equal(first, seen[0]);
      assert.deepEqual(domain.info(), { first, last });
    }
    assert.ok(seen[0]! < seen[1]! && seen[1]! < seen[2]!);
  },
);

test(
  'processes of one domain are told as one, and deeper ones as others [R-003-1, R-003-12]',
  options,
  async (t) => {
    const one = await restricting(t);
    await one.ask(`restrict ${one.directory}`);
    const own = await one.open(one.pid);
    const [a, b] = [
      await one.open(Number(await one.ask('child'))),
      await one.open(Number(await one.ask('child'))),
    ];
    const [c, d] = [
      await one.open(Number(await one.ask(`deeper ${one.directory}`))),
      await one.open(Number(await one.ask(`deeper ${one.directory}`))),
    ];
    assert.ok(a.equals(own) && a.equals(b) && b.equals(a));
    for (const [x, y] of [
      [a, c],
      [c, d],
      [own, d],
    ] as const)
      assert.equal(x.equals(y), false);
    const ids = [own, a, b, c, d].map((domain) => domain.info());
    assert.deepEqual(ids[1], ids[0]);
    assert.equal(new Set(ids.map(({ last }) => last)).size, 3);
    assert.equal(new Set(ids.map(({ first }) => first)).size, 1);
  },
);

test(
  'a domain keeps its identifier when its maker has ended, and no other gets it [R-003-7]',
  options,
  async (t) => {
    const one = await restricting(t);
    const middle = Number(await one.ask(`deeper ${one.directory}`));
    const before = await one.open(middle);
    process.kill(middle, 'SIGKILL');
    while (before.alive) await new Promise((done) => setTimeout(done, 5));
    const seen = new Set([before.info().last]);
    for (let round = 0; round < 5; round++) {
      const later = await one.open(Number(await one.ask(`deeper ${one.directory}`)));
      assert.equal(later.equals(before), false);
      seen.add(later.info().last);
    }
    assert.equal(seen.size, 6);
    // The handle goes on meaning what it meant.
    assert.equal(before.name, `${middle}.0`);
  },
);

test(
  'a number that comes to mean another process is never taken for the first [R-003-12]',
  needs({ supervisor: true, root: true }),
  async (t) => {
    const one = await restricting(t);
    for (let round = 0; round < 200; round++) {
      const pid = Number(await one.ask(`deeper ${one.directory}`));
      const pidfd = attempt('pidfd_open', pid, 0);
      t.after(() => void attempt('close', pidfd));
      const domain = await one.open({ pidfd });
      process.kill(pid, 'SIGKILL');
      while (domain.alive) await new Promise((done) => setTimeout(done, 5));
      // Somebody else gets the number, if nobody is quicker.
      writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
      const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
      t.after(() => void stranger.kill('SIGKILL'));
      await new Promise((done) => stranger.once('spawn', done));
      await assert.rejects(one.open({ pidfd }), /has ended/);
      assert.equal(domain.name, `${pid}.0`);
      if (stranger.pid !== pid) continue;
      await assert.rejects(one.open(pid), /unknown/);
      return;
    }
    assert.fail('the number was never given again');
  },
);

test(
  'the restrictions of a domain narrow another run, and nothing else does [R-003-14]',
  options,
  async (t) => {
    const one = await restricting(t);
    const [inside, outside] = ['in', 'out'].map((name) => join(one.directory, name)) as [string, string];
    mkdirSync(inside);
    mkdirSync(outside);
    await one.ask(`restrict ${one.directory}`);
    await one.ask(`restrict ${inside}`);
    assert.equal(await one.ask(`write ${inside}/a`), 'written');
    assert.equal(await one.ask(`write ${outside}/a`), 'EACCES');
    const domain = await one.open(one.pid);
    const { layers, stricter } = await domain.asLayers();
    assert.equal(layers.length, 2);
    assert.deepEqual(stricter, []);
    const policy = { fs: { read: ['/'], exec: ['/'], write: [outside, inside, '/dev/null'] } };
    assert.deepEqual(await writes(await domain.narrow(policy), [inside, outside]), [true, false]);
    // The intersection: what the domain allows and the policy does not stays denied.
    const narrow = { fs: { read: ['/'], exec: ['/'], write: ['/dev/null'] } };
    assert.deepEqual(await writes(await domain.narrow(narrow), [inside, outside]), [false, false]);
  },
);

test(
  'a policy run is a domain too: its layers narrow another run [R-003-14, R-003-21]',
  options,
  async (t) => {
    const one = await confined(t);
    const domain = await one.open(one.pid);
    assert.equal(domain.name, `${one.pid}.0`);
    assert.equal(domain.info().last, BigInt(`0x${domain.run}`));
    const [inside, outside] = ['in', 'out'].map((name) => join(one.directory, name)) as [string, string];
    assert.equal(await one.ask(`write ${outside}/a`), 'EACCES');
    const policy = { fs: { read: ['/'], exec: ['/'], write: [outside, inside, '/dev/null'] } };
    assert.deepEqual(await writes(await domain.narrow(policy), [inside, outside]), [true, false]);
    // The same identifier in the registry, in ps and here.
    const state = join(one.env.XDG_STATE_HOME!, 'landward');
    assert.equal(findRuns(state, domain.run).length, 1);
    const ps = await one.landward(['ps', '--json']);
    const { sandboxes } = JSON.parse(ps.stdout) as {
      readonly sandboxes: readonly { run: string; name: string }[];
    };
    const listed = sandboxes.find(({ run }) => run === domain.run);
    assert.equal(listed?.name, domain.name);
  },
);

test(
  'layers that have changed are imported as they are now, older versions of stricter ones included [R-003-14]',
  options,
  async (t) => {
    const one = owner(t);
    const [inside, outside] = ['in', 'out'].map((name) => join(one.directory, name)) as [string, string];
    for (const path of [inside, outside]) mkdirSync(path);
    const grants = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null", "${inside}", "${outside}"]\n`;
    writeFileSync(join(one.directory, 'base.toml'), `${grants}[env]\npass = ["*"]\n`);
    writeFileSync(join(one.directory, 'extra.toml'), `layer = "limit"\nmutable = "stricter"\n${grants}`);
    const program = one.start('run', '-p', 'base.toml', '-p', 'extra.toml', '--', process.execPath, CHILD);
    const pid = Number(await using(t, one, program).ask('pid'));
    assert.deepEqual(await narrowed(one, pid, [inside, outside]), [true, true]);
    const words = ['layer', 'modify', '--last', 'extra.toml', '--deny', outside];
    assert.equal((await one.landward(words)).code, 0);
    assert.deepEqual(await narrowed(one, pid, [inside, outside]), [true, false]);
    const told = await one.landward(['domain', String(pid), '--layers', '--json']);
    const { layers } = JSON.parse(told.stdout) as {
      layers: { name: string; kind: string; mutable?: string }[];
    };
    assert.equal(layers.filter(({ name }) => name.includes('extra.toml')).length, 2);
    assert.ok(layers.every(({ kind, mutable }) => kind === 'limit' && mutable === undefined));
  },
);

test(
  'a process that supervises is told of its own runs, and heard by no other supervisor [R-003-11]',
  options,
  async (t) => {
    const one = owner(t);
    const library = JSON.stringify(join(root, 'packages/landward/src/index.ts'));
    const script = join(one.directory, 'launcher.ts');
    writeFileSync(
      script,
      `import { openDomain, spawn, userLandlockPlan } from ${library};
     const plan = await userLandlockPlan();
     const program = spawn(process.execPath, [${JSON.stringify(CHILD)}], { plan, stdio: ['pipe', 'pipe', 'ignore'], capture: false });
     program.catch(() => {});
     await program.started;
     program.stdin.write('restrict ${one.directory}\\n');
     await new Promise((done) => program.stdout.once('data', done));
     using domain = await openDomain(program.pid);
     console.log(domain.name === program.pid + '.0', domain.ownLayers);
     process.stdin.once('data', async (pid) => {
       console.log(await openDomain(Number(pid)).then(() => 'told', (error) => error.message));
       program.kill('SIGKILL');
       process.exit(0);
     });`,
    );
    const launcher = one.startScript(script);
    assert.equal(await launcher.line(), 'true 1');
    const other = using(t, one, one.start('run', '--landlock=user', '--', process.execPath, CHILD));
    await other.ask(`restrict ${one.directory}`);
    launcher.say(await other.ask('pid'));
    assert.match(await launcher.line(), /supervises programs itself/);
  },
);

/** What another process makes of a domain that it imports. */
async function narrowed(one: Owner, pid: number, directories: readonly string[]): Promise<boolean[]> {
  const library = JSON.stringify(join(root, 'packages/landward/src/index.ts'));
  const text = `
    import { openDomain, spawn } from ${library};
    using domain = await openDomain(${pid});
    const write = [...${JSON.stringify(directories)}, '/dev/null'];
    const policy = await domain.narrow({ fs: { read: ['/'], exec: ['/'], write } });
    const script = 'for d in "$@"; do (echo x > "$d/made") 2>/dev/null && echo yes || echo no; done';
    const { stdout } = await spawn('bash', ['-c', script, 'bash', ...${JSON.stringify(directories)}], { policy });
    console.log(stdout.trim().split('\\n').join(' '));`;
  const { stdout, stderr } = await runScript(text, [], { env: one.env });
  assert.match(stdout, /^(yes|no) (yes|no)$/m, stderr);
  return stdout
    .trim()
    .split(' ')
    .map((word) => word === 'yes');
}

/** Which directories a program can write in under a policy. */
async function writes(policy: Awaited<ReturnType<Domain['narrow']>>, directories: readonly string[]) {
  const script = 'for d in "$@"; do (echo x > "$d/made") 2>/dev/null && echo yes || echo no; done';
  const { stdout } = await confine('bash', ['-c', script, 'bash', ...directories], { policy });
  return `${stdout}`
    .trim()
    .split('\n')
    .map((word) => word === 'yes');
}

test('what nobody knows is said to be unknown, never to be free [R-003-22]', options, async (t) => {
  const one = owner(t);
  process.env.XDG_STATE_HOME = one.env.XDG_STATE_HOME;
  writeFileSync(join(one.directory, 'k.toml'), '[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n');
  const kernel = one.start('run', '-p', 'k.toml', '--', 'bash', '-c', 'echo up; read -r line');
  assert.equal(await kernel.line(), 'up');
  for (const pid of [kernel.pid, process.pid]) {
    const told = await one.landward(['domain', String(pid)]);
    assert.equal(told.code, 125);
    assert.match(told.stderr, /is unknown/);
    assert.doesNotMatch(told.stderr + told.stdout, /unrestricted|not sandboxed|unsandboxed/);
  }
});

test(
  'the registry of a launcher survives it: another one finds the domain, during the run and after [R-003-22]',
  options,
  async (t) => {
    const one = await confined(t);
    const told = async () => {
      const { stdout, stderr } = await one.landward(['domain', String(one.pid), '--json']);
      assert.notEqual(stdout, '', stderr);
      return JSON.parse(stdout) as { readonly run: string; readonly name: string };
    };
    const first = await told();
    assert.deepEqual(await told(), first);
    await one.program.kill();
    const all = await one.landward(['ps', '--all', '--json']);
    const { sandboxes } = JSON.parse(all.stdout) as {
      readonly sandboxes: readonly { run: string; name: string }[];
    };
    assert.deepEqual(
      sandboxes.filter(({ run }) => run === first.run).map(({ run, name }) => ({ run, name })),
      [{ run: first.run, name: first.name }],
    );
  },
);

test(
  'a program in a sandbox learns nothing of domains beside or above it [R-003-11, R-003-20]',
  options,
  async (t) => {
    const one = await restricting(t);
    await one.ask(`restrict ${one.directory}`);
    const inner = [process.execPath, join(root, 'test/kit/landward.ts'), 'domain', String(one.pid), '--json'];
    writeFileSync(
      join(one.directory, 'q.toml'),
      `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\ndeny = ["${one.directory}/none"]\n[unix]\nconnect = ["/"]\n[env]\npass = ["*"]\n`,
    );
    const tried = await one.landward(['run', '-p', 'q.toml', '--', ...inner]);
    assert.equal(tried.code, 125);
    assert.doesNotMatch(tried.stdout, /"name"|"id"/);
    // The control: outside, the same words tell.
    const told = await one.landward(['domain', String(one.pid), '--json']);
    assert.match(told.stdout, /"name"/);
  },
);

test(
  'whoever may not read audit is told the relative name, and not the identifier of logs [R-003-13]',
  needs({ supervisor: true, root: true }),
  async (t) => {
    const one = await restricting(t);
    await one.ask(`restrict ${one.directory}`);
    const capable = await one.landward(['domain', String(one.pid), '--json']);
    assert.match((JSON.parse(capable.stdout) as { id?: string }).id ?? '', /^[0-9a-f]+$/);
    const words = ['--bounding-set', '-audit_read', '--inh-caps', '-audit_read'];
    const without = await runChild(
      'setpriv',
      [...words, process.execPath, join(root, 'test/kit/landward.ts'), 'domain', String(one.pid), '--json'],
      { env: one.env },
    );
    const told = JSON.parse(without.stdout) as { readonly id?: string; readonly name: string };
    assert.equal(told.id, undefined);
    assert.equal(told.name, `${one.pid}.0`);
  },
);

test(
  'a domain that is more than layers is never imported as less: programs and functions are refused by name [R-003-14]',
  options,
  async (t) => {
    const one = owner(t);
    const file = join(one.directory, 'deny.bpf.o');
    writeFileSync(file, objectOf({ fs_pick: 'r0 = 0\nexit' }));
    const grants = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n[env]\npass = ["*"]\n`;
    writeFileSync(join(one.directory, 'p.toml'), grants);
    const words = ['run', '-p', 'p.toml', '--program', file, '--', process.execPath, CHILD];
    const programs = using(t, one, one.start(...words));
    const domain = await programs.open(Number(await programs.ask('pid')));
    await assert.rejects(domain.narrow('@default'), { code: 'UNSUPPORTED', message: /policy programs/ });
    const policy = { fs: { read: ['/'], exec: ['/'], write: ['/dev/null'] } };
    const running = confine('sleep', ['60'], { policy, decide: () => undefined, reject: false });
    t.after(() => void running.kill('SIGKILL'));
    await running.started;
    const decided = await programs.open(running.pid!);
    await assert.rejects(decided.asLayers(), { code: 'UNSUPPORTED', message: /functions of the process/ });
    assert.equal(decided.equals(decided), true);
  },
);

test('a number that no process has is told as that', async () => {
  await assert.rejects(openDomain(0x7fff_ffff), {
    code: 'KERNEL',
    message: /process 2147483647, which is not there/,
  });
});

test('a thread that has only policy programs of its own is seen as restricted', () => {
  const state = (programs: object | null) => ({ credential: { domain: null }, programs });
  const seen = (programs: object | null) =>
    seenDomain({ state: () => state(programs) } as unknown as LandlockRun, 1);
  assert.equal(seen(null), null);
  assert.deepEqual(seen({}), { layers: [], programs: true });
});

test('no socket is left when a run has ended', options, async (t) => {
  const one = await restricting(t);
  const runs = join(one.env.XDG_STATE_HOME!, 'landward/runs');
  assert.equal(readdirSync(runs).filter((name) => name.endsWith('.control')).length, 1);
  process.kill(one.pid, 'SIGKILL');
  await assert.rejects(async () => {
    for (;;) await one.program.line();
  });
  assert.deepEqual(
    readdirSync(runs).filter((name) => name.endsWith('.control')),
    [],
  );
});
