/**
 * What must hold of layers whatever is tried: one that never changes does not, a call sees one version, and nothing of this is
 * there where no layer may change.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSandbox, type PolicyDefinition } from '../../packages/landward/src/index.ts';
import { layerControlOf } from '../../packages/landward/src/launch/layer-control.ts';
import { supervisorOf } from '../../packages/landward/src/launch/machinery.ts';
import type { LayerOrder } from '../../packages/landward/src/model/layers/rule-orders.ts';
import { LANDWARD, PR_LANDWARD } from '../../packages/landward/src/uapi/landward.ts';
import { needs } from '../kit/needs.ts';
import { basePolicy, LIMIT_SYSTEM, Talk } from '../kit/sandbox-talk.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const here = needs({ abi: 3, supervisor: true, tools: ['python3'] });

function tree(t: Ending, ...names: readonly string[]): string {
  const root = temporaryDirectory(t, 'proof');
  for (const name of names) {
    mkdirSync(join(root, name));
    writeFileSync(join(root, name, 'f'), `${name}\n`);
  }
  return root;
}

test(
  'whatever is tried from both sides, a layer that never changes does not [R-001-1, R-001-2, R-001-3, R-001-4]',
  here,
  async (t) => {
    const names = ['a', 'b', 'c'];
    const root = tree(t, ...names);
    const some = (...allowed: readonly string[]): PolicyDefinition => ({
      fs: { ...LIMIT_SYSTEM, read: [...LIMIT_SYSTEM.read, ...allowed.map((name) => `${root}/${name}`)] },
    });
    using sandbox = openSandbox(basePolicy(root));
    const fixed = await sandbox.addLayer(some('a', 'b'));
    // Another layer that may change, so that all of the machinery is there; it allows everything at its most.
    using open = await sandbox.addLayer(some('a', 'b', 'c'), { mutable: 'any', principal: 'owner' });
    await using parent = new Talk(sandbox);
    await parent.ask('r, w = os.pipe()');
    await parent.ask('s, v = os.pipe()');
    const look = names.map((name) => `tried(lambda: open(${JSON.stringify(`${root}/${name}/f`)}).read())`);
    // The child was there before anything is tried; it answers with its decisions as often as it is asked.
    await parent.ask(
      `child = os.fork() or [os.write(w, (json.dumps([${look.join(', ')}]) + chr(10)).encode()) for _ in iter(lambda: os.read(s, 1), b'')] or os._exit(0)`,
    );
    const vector = async () => {
      await parent.ask("os.write(v, b'x')");
      return parent.ask('os.read(r, 9999).decode()');
    };
    const expected = '["a\\n", "b\\n", "EACCES"]\n';
    assert.equal(await vector(), expected);
    const control = layerControlOf(await supervisorOf(await sandbox.plan()));
    const supervisor = await supervisorOf(await sandbox.plan());
    const layers = await control.list();
    const fixedKeys = layers.flatMap(({ key, mutability }) => (mutability === 'immutable' ? [key] : []));
    assert.ok(fixedKeys.length >= 2);
    const by = { who: 'holder', name: 'test' } as const;
    const gift = { add: { fs: { read: ['/'] } } };
    await parent.ask(`libc = ctypes.CDLL(None, use_errno=True)`);
    const tryAll: readonly ((key: number, more: number) => Promise<unknown>)[] = [
      () => fixed.modify(gift).catch(String),
      () => fixed.commit().catch(String),
      (key) => control.modify(key, gift, by),
      (key, more) => control.commit(key, more % 3, by),
      (key, more) => control.edit(key, more % 3, gift, by),
      (key) => control.seal(key, by),
      (key) => control.discard(key, by),
      // The messages themselves, with layers and edits that no reader has made.
      (key) => supervisor.order({ kind: 'modify', key, edits: [{ kind: 'what' } as never] }),
      (key) => supervisor.order({ kind: 'commit', key } as LayerOrder),
      () => supervisor.order({ kind: 'add', layer: { ...layers[0]!.layer, mutable: 'any' }, editor: '' }),
      () => supervisor.order({ kind: 'nothing' } as never),
      // The one that may change takes away and gives back only what it has.
      () => open.modify({ remove: { fs: { read: [`${root}/c`] } } }).catch(String),
      () =>
        open
          .modify(gift)
          .then(() => open.commit())
          .catch(String),
      // From inside: every operation of landward's, with numbers that could be descriptors, and Landlock's own calls.
      (key, more) => parent.ask(`libc.prctl(${PR_LANDWARD}, ${more % 16}, ${key}, ${more % 7}, 0)`),
      (key, more) => parent.ask(`libc.syscall(${444 + (more % 3)}, ${key}, 0, ${more % 5}, 0)`),
      () => parent.ask(`open('/proc/self/task/${process.pid}/mem', 'wb').write(b'x')`),
      () => parent.ask(`os.kill(${process.pid}, 0)`),
    ];
    assert.ok(Math.max(...Object.values(LANDWARD)) < 16);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(tryAll.length - 1), fc.constantFrom(...fixedKeys), fc.nat(1000)), {
          maxLength: 12,
          minLength: 6,
        }),
        async (steps) => {
          for (const [what, key, more] of steps) await tryAll[what]!(key, more);
          assert.equal(await vector(), expected);
        },
      ),
      { numRuns: 25, seed: 1001 },
    );
    // Each of them once, for certain.
    for (const key of fixedKeys) for (const [at, one] of tryAll.entries()) await one(key, at);
    assert.equal(await vector(), expected);
    const after = await control.list();
    for (const key of fixedKeys) assert.deepEqual(after[key], layers[key]);
    assert.equal(after.length, layers.length);
  },
);

test('a call sees one version, whoever commits meanwhile [R-001-23, R-001-24, R-001-11]', here, async (t) => {
  const root = tree(t, 'a', 'b', 'c');
  const all = basePolicy(root);
  using sandbox = openSandbox({
    ...all,
    fs: { ...all.fs, delete: [root], refer: [root] },
  } as PolicyDefinition);
  const grant = (...names: readonly string[]) => {
    const trees = names.map((name) => `${root}/${name}`);
    return { read: trees, modify: trees, create: trees, delete: trees, refer: trees };
  };
  const [one, two] = [grant('a', 'c'), grant('b', 'c')];
  using layer = await sandbox.addLayer(
    { fs: { ...LIMIT_SYSTEM, ...one, read: [...LIMIT_SYSTEM.read, ...one.read] } } as PolicyDefinition,
    { mutable: 'any' },
  );
  // Moving from a to b needs both: no version allows it, and only a mixture could. Moving inside c is allowed by every version,
  // and only a moment between the two could refuse it.
  const script = `
def race(stop):
    counts = {'across': 0, 'inside': 0, 'lost': 0, 'a': 0, 'b': 0, 'rounds': 0}
    mine = str(os.getpid())
    open('${root}/c/' + mine, 'w').close()
    while not os.path.exists(stop) if counts['rounds'] % 8 == 0 else True:
        counts['rounds'] += 1
        for there in ('a', 'b'):
            try:
                open('${root}/' + there + '/f').close()
                counts[there] += 1
            except OSError:
                pass
        for source, target in (('a', 'b'), ('b', 'a')):
            try:
                os.rename('${root}/' + source + '/f', '${root}/' + target + '/moved')
                counts['across'] += 1
            except OSError:
                pass
        try:
            os.rename('${root}/c/' + mine, '${root}/c/' + mine + '.x')
            os.rename('${root}/c/' + mine + '.x', '${root}/c/' + mine)
            counts['inside'] += 1
        except OSError:
            counts['lost'] += 1
    return counts`;
  const line = `exec(${JSON.stringify(script)}, globals())`;
  await using reader = new Talk(sandbox);
  await using second = new Talk(sandbox);
  await Promise.all([reader.ask(line), second.ask(line)]);
  const stop = `${root}/c/stop`;
  const races = [reader, second].map((talk) => talk.ask(`race(${JSON.stringify(stop)})`));
  let widened = 0;
  for (let round = 0; round < 120; round++) {
    const [from, to] = round % 2 === 0 ? [one, two] : [two, one];
    await layer.modify({ remove: { fs: from }, add: { fs: to } } as never);
    const committed = await layer.commit();
    assert.equal(committed.version, round + 1);
    if (committed.widened) widened++;
  }
  writeFileSync(stop, '');
  assert.equal(widened, 120);
  for (const counts of (await Promise.all(races)) as Record<string, number>[]) {
    assert.deepEqual([counts.across, counts.lost], [0, 0], JSON.stringify(counts));
    // Both versions were met, or nothing was shown.
    assert.ok(counts.a! > 0 && counts.b! > 0 && counts.inside! > 20, JSON.stringify(counts));
  }
  assert.deepEqual(readdirSync(`${root}/a`), ['f']);
});
