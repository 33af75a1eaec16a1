import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { ControlledLayer } from '../../packages/landward/src/launch/layer-control.ts';
import type { LayerAnswered } from '../../packages/landward/src/model/layers/rule-orders.ts';
import { runChild } from '../kit/child.ts';
import { type GoingOn, type Owner, owner } from '../kit/going-on.ts';
import { needs } from '../kit/needs.ts';

const supervisor = needs({ supervisor: true });

/** Reads the files that it is told, and says whether it could. */
const READER =
  'while read -r file; do if read -r text < "$file"; then echo "read $text"; else echo denied; fi; done 2>/dev/null';

interface Sandbox extends Owner {
  readonly program: GoingOn;
  /** What the program makes of a file. */
  reads(file: string): Promise<string>;
  layers(): Promise<readonly ControlledLayer[]>;
  modify(...words: string[]): ReturnType<Owner['landward']>;
}

async function sandbox(t: TestContext, mutable: 'stricter' | 'any' | null): Promise<Sandbox> {
  const one = owner(t);
  const { directory } = one;
  for (const name of ['a', 'b']) writeFileSync(join(directory, name), `${name}\n`);
  const grants = `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\ndeny = ["${directory}/never"]\n`;
  writeFileSync(join(directory, 'base.toml'), `${grants}[env]\npass = ["*"]\n`);
  const said = mutable === null ? '' : `mutable = "${mutable}"\n`;
  writeFileSync(
    join(directory, 'extra.toml'),
    `layer = "limit"\n${said}[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\ndeny = ["${directory}/b"]\n`,
  );
  const program = one.start(
    'run',
    '-p',
    'base.toml',
    '-p',
    'extra.toml',
    '--',
    'bash',
    '-c',
    `echo up; ${READER}`,
  );
  assert.equal(await program.line(), 'up');
  return {
    ...one,
    program,
    reads: (file) => {
      program.say(join(directory, file));
      return program.line();
    },
    async layers() {
      const told = await one.landward(['layer', 'list', '--json']);
      assert.equal(told.code, 0, told.stderr);
      return (JSON.parse(told.stdout) as { readonly layers: readonly ControlledLayer[] }).layers;
    },
    modify: (...words) => one.landward(['layer', 'modify', '--last', 'extra.toml', ...words]),
  };
}

test(
  'the owner gives and takes while the program runs, and the log says who did [R-001-5, R-001-18]',
  supervisor,
  async (t) => {
    const box = await sandbox(t, 'any');
    assert.equal(await box.reads('a'), 'read a');
    assert.equal(await box.reads('b'), 'denied');
    assert.match((await box.modify('--deny', '/srv')).stdout, /did not before, moves and links apart$/m);
    const taken = await box.modify('--deny', 'a', '--json');
    assert.equal(taken.code, 0, taken.stderr);
    const { entry } = JSON.parse(taken.stdout) as LayerAnswered;
    assert.deepEqual([entry?.operation, entry?.from, entry?.to, entry?.widened], ['commit', 1, 2, false]);
    assert.match(entry!.editor, new RegExp(`^uid ${process.getuid!()} pid \\d+ \\(`));
    assert.equal(await box.reads('a'), 'denied');
    writeFileSync(
      join(box.directory, 'gone.toml'),
      `[fs]\ndeny = ["${box.directory}/a", "${box.directory}/b"]\n`,
    );
    const given = await box.modify('--remove', 'gone.toml');
    assert.equal(given.code, 0, given.stderr);
    assert.match(given.stdout, /version 2 is now 3; it allows more than before/);
    assert.equal(await box.reads('a'), 'read a');
    assert.equal(await box.reads('b'), 'read b');
  },
);

test(
  'a draft binds nobody before it is committed, and nobody else commits it along',
  supervisor,
  async (t) => {
    const box = await sandbox(t, 'any');
    const drafted = await box.modify('--deny', 'a', '--draft');
    assert.equal(drafted.code, 0, drafted.stderr);
    assert.equal(await box.reads('a'), 'read a');
    assert.equal((await box.layers()).find(({ name }) => name.endsWith('extra.toml'))?.drafted, true);
    const other = await box.modify('--deny', 'b');
    assert.equal(other.code, 125);
    assert.match(other.stderr, /EBUSY/);
    const committed = await box.landward(['layer', 'commit', '--last', 'extra.toml']);
    assert.equal(committed.code, 0, committed.stderr);
    assert.equal(await box.reads('a'), 'denied');
  },
);

test('a draft that nobody wants is dropped, and gives nothing [R-001-11]', supervisor, async (t) => {
  const box = await sandbox(t, 'any');
  writeFileSync(join(box.directory, 'gone.toml'), `[fs]\ndeny = ["${box.directory}/b"]\n`);
  assert.equal((await box.modify('--remove', 'gone.toml', '--draft')).code, 0);
  const dropped = await box.landward(['layer', 'discard', '--last', 'extra.toml']);
  assert.match(dropped.stdout, /no draft is waiting/);
  const next = await box.modify('--deny', 'a');
  assert.equal(next.code, 0, next.stderr);
  assert.equal(await box.reads('a'), 'denied');
  assert.equal(await box.reads('b'), 'denied');
});

test(
  'a layer that may only become stricter takes nothing back, and a sealed one changes no more',
  supervisor,
  async (t) => {
    const box = await sandbox(t, 'stricter');
    writeFileSync(join(box.directory, 'gone.toml'), `[fs]\ndeny = ["${box.directory}/b"]\n`);
    const wider = await box.modify('--remove', 'gone.toml');
    assert.equal(wider.code, 125);
    assert.match(wider.stderr, /EPERM/);
    assert.equal(await box.reads('b'), 'denied');
    assert.equal((await box.modify('--deny', 'a')).code, 0);
    assert.equal(await box.reads('a'), 'denied');
    const sealed = await box.landward(['layer', 'seal', '--last', 'extra.toml']);
    assert.match(sealed.stdout, /sealed at version 1/);
    const late = await box.modify('--deny', '/etc');
    assert.equal(late.code, 125);
    assert.match(late.stderr, /EROFS/);
    assert.equal((await box.landward(['layer', 'seal', '--last', 'extra.toml'])).code, 125);
  },
);

test('layers that were not made to change have no way in, whoever asks [R-001-10]', supervisor, async (t) => {
  const box = await sandbox(t, null);
  const refused = await box.modify('--deny', 'a');
  assert.equal(refused.code, 125);
  assert.match(refused.stderr, /no way in for its owner/);
  assert.equal(await box.reads('a'), 'read a');
});

test('beside a layer that may change, the others never do [R-001-10]', supervisor, async (t) => {
  const box = await sandbox(t, 'any');
  for (const { key, mutability } of await box.layers()) {
    if (mutability !== 'immutable') continue;
    const refused = await box.landward(['layer', 'modify', '--last', String(key), '--deny', 'a']);
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /EROFS/);
  }
  assert.equal(await box.reads('a'), 'read a');
});

test(
  'the program itself cannot change its layers, by whatever name it finds them [R-001-5]',
  supervisor,
  async (t) => {
    const one = owner(t);
    const { directory } = one;
    writeFileSync(join(directory, 'a'), 'a\n');
    writeFileSync(
      join(directory, 'base.toml'),
      `[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n[unix]\nconnect = ["/"]\n[env]\npass = ["*"]\n`,
    );
    writeFileSync(
      join(directory, 'extra.toml'),
      `layer = "limit"\nmutable = "any"\n[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\ndeny = ["${directory}/a"]\n`,
    );
    writeFileSync(join(directory, 'gone.toml'), `[fs]\ndeny = ["${directory}/a"]\n`);
    const inner = [process.execPath, join(import.meta.dirname, '../kit/landward.ts')];
    const words = ['layer', 'modify', '--last', 'extra.toml', '--remove', 'gone.toml'];
    const tried = await one.landward([
      'run',
      '-p',
      'base.toml',
      '-p',
      'extra.toml',
      '--',
      ...inner,
      ...words,
    ]);
    assert.equal(tried.code, 125);
    assert.match(
      tried.stderr,
      /from outside of every sandbox: it (is the process that supervises|supervises|runs in a sandbox)/,
    );
    assert.doesNotMatch(tried.stdout, /is now/);
  },
);

test(
  'what a program keeps to itself, its owner outside cannot change; what it shares, they can [R-001-5]',
  supervisor,
  async (t) => {
    const one = owner(t);
    const library = join(import.meta.dirname, '../../packages/landward/src/index.ts');
    const script = join(one.directory, 'launcher.ts');
    writeFileSync(
      script,
      `import { openSandbox } from ${JSON.stringify(library)};
     const sandbox = openSandbox({ fs: { read: ['/'], exec: ['/'], write: ['/dev/null'] }, env: { pass: ['*'] } });
     const rules = { fs: { read: ['/'], exec: ['/'], write: ['/dev/null'] } };
     const own = await sandbox.addLayer(rules, { mutable: 'any', principal: 'holder', name: 'own' });
     await sandbox.addLayer(rules, { mutable: 'any', principal: 'owner', name: 'shared' });
     const program = sandbox.spawn('sleep', ['60'], { stdio: 'ignore' });
     await program.started;
     console.log('up');
     process.stdin.once('data', async () => {
       await own.modify({ add: { fs: { deny: ['/etc/hostname'] } } });
       console.log('own', (await own.commit()).version);
       program.kill('SIGKILL');
       program.catch(() => process.exit(0));
     });`,
    );
    const launcher = one.startScript(script);
    assert.equal(await launcher.line(), 'up');
    const refused = await one.landward(['layer', 'modify', '--last', 'own', '--deny', '/etc/hostname']);
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /EPERM/);
    const done = await one.landward(['layer', 'modify', '--last', 'shared', '--deny', '/etc/hostname']);
    assert.equal(done.code, 0, done.stderr);
    const listed = await one.landward(['layer', 'list']);
    assert.match(listed.stdout, /own {2}version 0, may change: any, by its holder/);
    assert.match(listed.stdout, /shared {2}version 1, may change: any, by its owner/);
    launcher.say('');
    assert.equal(await launcher.line(), 'own 1');
  },
);

test(
  'root may ask about the runs of others, and others about none but their own [R-001-5]',
  needs({ supervisor: true, root: true }),
  async (t) => {
    const one = owner(t);
    const grants = '[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n';
    writeFileSync(join(one.directory, 'base.toml'), `${grants}[env]\npass = ["*"]\n`);
    writeFileSync(join(one.directory, 'extra.toml'), `layer = "limit"\nmutable = "any"\n${grants}`);
    chmodSync(one.directory, 0o755);
    const state = join(one.directory, 'state');
    mkdirSync(state);
    for (const name of ['.', 'base.toml', 'extra.toml', 'state'])
      chownSync(join(one.directory, name), 65534, 65534);
    const landward = [process.execPath, join(import.meta.dirname, '../kit/landward.ts')];
    const as = (uid: number) => ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
    const env = { ...process.env, XDG_STATE_HOME: state, HOME: one.directory };
    const words = [
      ...landward,
      'run',
      '-p',
      'base.toml',
      '-p',
      'extra.toml',
      '--',
      'bash',
      '-c',
      'echo up; read -r line',
    ];
    const [command, ...rest] = [...as(65534), ...words];
    const program = spawn(command!, rest, { cwd: one.directory, env, stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => void program.kill('SIGKILL'));
    await new Promise((done) => program.stdout.once('data', done));
    const list = async (prefix: readonly string[]) => {
      const [name, ...more] = [...prefix, ...landward, 'layer', 'list'];
      return runChild(name!, more, { cwd: one.directory, env });
    };
    const root = await list([]);
    assert.equal(root.code, 0, root.stderr);
    assert.match(root.stdout, /may change: any/);
    assert.equal((await list(as(65534))).code, 0);
    // Even with every door of the file system open.
    const runs = join(state, 'landward/runs');
    for (const path of [join(state, 'landward'), runs]) chmodSync(path, 0o755);
    for (const name of readdirSync(runs)) chmodSync(join(runs, name), 0o666);
    const stranger = await list(as(65533));
    assert.equal(stranger.code, 125);
    assert.match(stranger.stderr, /user 65533/);
  },
);

test('a run, a layer or an edit that there is not is told', supervisor, async (t) => {
  const box = await sandbox(t, 'any');
  const errors = [
    [['list', 'ffff'], /No run/],
    [['seal', '--last', 'none.toml'], /no layer "none.toml"/],
    [['modify', '--last', 'extra.toml'], /nothing to change/],
    [['modify', '--last', 'extra.toml', '--connect', 'tcp:1'], /EINVAL/],
    [['modify', '--last', 'extra.toml', '--add', 'missing.toml'], /cannot be read/],
    [['turn', '--last'], /Say what to do/],
  ] as const;
  for (const [words, reason] of errors) {
    const told = await box.landward(['layer', ...words]);
    assert.equal(told.code, 125);
    assert.match(told.stderr, reason);
  }
  assert.equal(
    (await box.layers()).every(({ version }) => version === 0),
    true,
  );
});
