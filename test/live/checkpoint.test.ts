import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openDomain } from '../../packages/landward/src/launch/domain.ts';
import { runChild } from '../kit/child.ts';
import { type GoingOn, type Owner, owner } from '../kit/going-on.ts';
import { needs, root } from '../kit/needs.ts';

const options = needs({ supervisor: true });
const CHILD = join(root, 'test/kit/domain-child.ts');

const asking = (program: GoingOn) => (line: string) => {
  program.say(line);
  return program.line();
};

/** What is known of a process's domain from outside. */
async function seen(pid: number) {
  using domain = await openDomain(pid);
  return { run: domain.run, name: domain.name, info: domain.info(), layers: domain.ownLayers };
}

interface Kept extends Owner {
  readonly file: string;
  readonly before: Awaited<ReturnType<typeof seen>>;
  readonly inside: string;
  readonly outside: string;
}

/** A program that has restricted itself twice, kept, and ended. */
async function kept(t: TestContext): Promise<Kept> {
  const one = owner(t);
  process.env.XDG_STATE_HOME = one.env.XDG_STATE_HOME;
  const [inside, outside] = ['in', 'out'].map((name) => join(one.directory, name)) as [string, string];
  for (const path of [inside, outside]) mkdirSync(path);
  const program = one.start('run', '--landlock=user', '--', process.execPath, CHILD);
  const ask = asking(program);
  const pid = Number(await ask('pid'));
  await ask(`restrict ${one.directory}`);
  await ask(`restrict ${inside}`);
  const before = await seen(pid);
  const file = join(one.directory, 'kept');
  const made = await one.landward(['checkpoint', '--last', file]);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await program.kill();
  return { ...one, file, before, inside, outside };
}

test('a run goes on with the same domains, identifiers and denials [R-003-8]', options, async (t) => {
  const one = await kept(t);
  const program = one.start('restore', one.file, '--', process.execPath, CHILD);
  const ask = asking(program);
  const pid = Number(await ask('pid'));
  assert.deepEqual(await seen(pid), one.before);
  assert.equal(await ask(`write ${one.inside}/a`), 'written');
  assert.equal(await ask(`write ${one.outside}/a`), 'EACCES');
  // Identifiers go on above: none is given twice.
  await ask(`restrict ${one.inside}`);
  const after = await seen(pid);
  assert.ok(after.info.last! > one.before.info.last!);
  assert.equal(after.info.first, one.before.info.first);
  assert.equal(after.layers, 3);
});

test('a file that was changed, moved or opened to others restores nothing', options, async (t) => {
  const one = await kept(t);
  const text = readFileSync(one.file, 'utf8');
  const file = join(one.directory, 'other');
  const attempts: readonly (readonly [() => void, RegExp])[] = [
    // A layer less.
    [() => writeFileSync(file, text.replace(/"start":0/, '"start":1'), { mode: 0o600 }), /was changed/],
    [() => writeFileSync(file, text.replace(/"abi":\d+/, '"abi":1'), { mode: 0o600 }), /was changed/],
    [() => writeFileSync(file, '', { mode: 0o600 }), /was changed/],
    [() => writeFileSync(file, text, { mode: 0o640 }), /others can neither read nor write/],
  ];
  for (const [make, reason] of attempts) {
    rmSync(file, { force: true });
    make();
    const tried = await one.landward(['restore', file, '--', 'true']);
    assert.equal(tried.code, 125);
    assert.match(tried.stderr, reason);
  }
  const elsewhere = await one.landward(['restore', one.file, '--', 'true'], {
    env: { ...one.env, XDG_STATE_HOME: join(one.directory, 'state') },
  });
  assert.equal(elsewhere.code, 125);
  assert.match(elsewhere.stderr, /another registry/);
});

test(
  'an object that was replaced since stops the restore: the domain would mean something else',
  options,
  async (t) => {
    const one = await kept(t);
    renameSync(one.inside, join(one.directory, 'gone'));
    mkdirSync(one.inside);
    const tried = await one.landward(['restore', one.file, '--', 'touch', join(one.outside, 'made')]);
    assert.notEqual(tried.code, 0);
    assert.match(tried.stderr, /another object now/);
  },
);

test(
  'what no restore could bring back is refused by name, and so is a run that goes on',
  options,
  async (t) => {
    const one = owner(t);
    process.env.XDG_STATE_HOME = one.env.XDG_STATE_HOME;
    const program = one.start('run', '--landlock=user', '--', process.execPath, CHILD);
    const ask = asking(program);
    await ask(`restrict ${one.directory}`);
    const file = join(one.directory, 'kept');
    assert.equal((await one.landward(['checkpoint', '--last', file])).code, 0);
    const twice = await one.landward(['restore', file, '--', 'true']);
    assert.equal(twice.code, 125);
    assert.match(twice.stderr, /still goes on/);
    // Two domains, and one program: somebody has to say which.
    await ask(`deeper ${one.directory}`);
    const several = join(one.directory, 'several');
    assert.equal((await one.landward(['checkpoint', '--last', several])).code, 0);
    await program.kill();
    const unclear = await one.landward(['restore', several, '--', 'true']);
    assert.equal(unclear.code, 125);
    assert.match(unclear.stderr, /were in 2 domains/);
    const again = await one.landward(['checkpoint', '--last', file]);
    assert.equal(again.code, 125);
  },
);

test(
  'of restores at the same time one goes on: no two runs ever bear one mark [R-003-8]',
  options,
  async (t) => {
    const one = await kept(t);
    const source = (name: string) => JSON.stringify(join(root, 'packages/landward/src', name));
    const script = `import { restoredPlan } from ${source('launch/checkpoint.ts')};
      import { spawn } from ${source('index.ts')};
      const tried = await Promise.allSettled([1, 2, 3].map(async () => {
        const plan = restoredPlan(${JSON.stringify(one.file)});
        return (await spawn('true', [], { plan })).exitCode;
      }));
      for (const { status, value, reason } of tried) console.log(status === 'fulfilled' ? value : reason.message);`;
    const { stdout, stderr } = await runChild(
      process.execPath,
      ['--input-type=module-typescript', '-e', script],
      { env: one.env, timeout: 30_000 },
    );
    const lines = stdout.trim().split('\n').sort();
    assert.equal(lines[0], '0', stderr);
    for (const line of lines.slice(1)) assert.match(line, /is being restored|still goes on/);
    assert.equal(lines.length, 3);
  },
);

test('layers keep their versions, and a sealed one stays sealed [R-003-8]', options, async (t) => {
  const one = owner(t);
  const { directory } = one;
  for (const name of ['a', 'b']) writeFileSync(join(directory, name), `${name}\n`);
  const grants = '[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n';
  writeFileSync(join(directory, 'base.toml'), `${grants}[env]\npass = ["*"]\n`);
  for (const name of ['one', 'two'])
    writeFileSync(join(directory, `${name}.toml`), `layer = "limit"\nmutable = "any"\n${grants}`);
  const reader =
    'while read -r f; do if read -r x < "$f"; then echo "read $x"; else echo denied; fi; done 2>/dev/null';
  const policies = ['base', 'one', 'two'].flatMap((name) => ['-p', `${name}.toml`]);
  const program = one.start('run', ...policies, '--', 'bash', '-c', reader);
  assert.equal(await asking(program)(`${directory}/a`), 'read a');
  const ran = async (...words: string[]) => {
    const told = await one.landward(words);
    assert.equal(told.code, 0, told.stderr);
    return told.stdout;
  };
  await ran('layer', 'modify', '--last', 'one.toml', '--deny', 'a');
  await ran('layer', 'seal', '--last', 'one.toml');
  await ran('layer', 'modify', '--last', 'two.toml', '--deny', 'b');
  await ran('layer', 'modify', '--last', 'two.toml', '--deny', '/etc/hostname', '--draft');
  const before = JSON.parse(await ran('layer', 'list', '--json'));
  await ran('checkpoint', '--last', 'kept');
  await program.kill();
  const again = asking(one.start('restore', 'kept', '--', 'bash', '-c', reader));
  assert.equal(await again(`${directory}/a`), 'denied');
  assert.equal(await again(`${directory}/b`), 'denied');
  const after = JSON.parse(await ran('layer', 'list', '--json'));
  assert.equal(after.run, before.run);
  const facts = ({ layers }: { layers: { key: number; mutability: string; version: number }[] }) =>
    layers.map(({ key, mutability, version }) => ({ key, mutability, version }));
  assert.deepEqual(facts(after), facts(before));
  // The draft that nobody committed is gone, and binds nobody.
  assert.equal(
    after.layers.some(({ drafted }: { drafted: boolean }) => drafted),
    false,
  );
  const sealed = await one.landward(['layer', 'modify', '--last', 'one.toml', '--deny', 'b']);
  assert.equal(sealed.code, 125);
  assert.match(sealed.stderr, /EROFS/);
  assert.match(await ran('layer', 'modify', '--last', 'two.toml', '--deny', '/etc'), /version 1 is now 2/);
  // One run in two parts: what either was denied is told, by what bound it then.
  const explained = JSON.parse((await one.landward(['explain', '--run', before.run, '--json'])).stdout);
  const text = JSON.stringify(explained);
  assert.match(text, /one\.toml/);
  assert.match(text, /two\.toml/);
  const listed = JSON.parse(await ran('ps', '--json')).sandboxes.filter(
    ({ run }: { run: string }) => run === before.run,
  );
  assert.deepEqual(
    listed.map(({ state }: { state: string }) => state),
    ['running'],
  );
});
