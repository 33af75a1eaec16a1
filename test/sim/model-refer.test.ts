/** Rename, link and exchange against a twin over sets, at their edges, and with their blame. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type accessPath,
  type Behaviour,
  blockers,
  linux,
  type Refer,
  refer,
} from '../../packages/landward/src/model/index.ts';
import type { MemoryMount } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MemoryInode, MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, type LayerText, Scene } from '../differential/scene.ts';
import { fits, lacks, layersOf, RIGHTS, type TwinLayer, tree, twinLayer } from '../differential/twin.ts';

const SEED = { seed: 20261122, numRuns: 400 };
const behaviour = linux(11);

/** The refer rule, said with sets. Ends differ; the tree is one mount. */
function referTwin(
  layers: readonly TwinLayer[],
  call: {
    readonly operation: Refer['operation'];
    readonly from: string;
    readonly to: string;
    readonly replaced: boolean;
  },
): number {
  if (!layers.some((layer) => layer.handled.size > 0)) return 0;
  const isDirectory = (path: string) => !path.endsWith('f');
  const parent = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
  const maker = (path: string): FsRight => (isDirectory(path) ? 'fs.make_dir' : 'fs.make_reg');
  const remover = (path: string): FsRight => (isDirectory(path) ? 'fs.remove_dir' : 'fs.remove_file');
  const source: FsRight[] = [];
  const target: FsRight[] = [maker(call.from)];
  if (call.operation !== 'link') source.push(remover(call.from));
  if (call.operation !== 'link' && call.replaced) target.push(remover(call.to));
  if (call.operation === 'exchange') source.push(maker(call.to));
  if (call.operation === 'whiteout') source.push('fs.make_reg');
  if (parent(call.from) === parent(call.to)) {
    return layers.some((layer) => lacks(layer, parent(call.to), [...source, ...target]).size > 0)
      ? ERRNO.EACCES
      : 0;
  }
  const everything = (layer: TwinLayer, path: string) => lacks(layer, path, RIGHTS);
  const own = (layer: TwinLayer, path: string, right: FsRight) =>
    layer.rules.some(([place, rights]) => place === path && rights.has(right) && fits(place, right));
  // What the object may not do where it is, but may do at the other end.
  const widens = (object: string, from: string, to: string) =>
    layers.some((layer) =>
      [...everything(layer, parent(from))].some(
        (right) =>
          (isDirectory(object) || FS_RIGHTS[right].file) &&
          !own(layer, object, right) &&
          !everything(layer, parent(to)).has(right),
      ),
    );
  const lackingSource = layers.flatMap((layer) => [
    ...lacks(layer, parent(call.from), [...source, 'fs.refer']),
  ]);
  const lackingTarget = layers.flatMap((layer) => [
    ...lacks(layer, parent(call.to), [...target, 'fs.refer']),
  ]);
  const widening =
    widens(call.from, call.from, call.to) ||
    (call.operation === 'exchange' && widens(call.to, call.to, call.from));
  const lacking = [...lackingSource, ...lackingTarget];
  if (lacking.length === 0 && !widening) return 0;
  return lacking.some((right) => right !== 'fs.refer') ? ERRNO.EACCES : ERRNO.EXDEV;
}

test('rename, link and exchange equal the rule as spoken', () => {
  const moves = [
    ['/0/f', '/3/4/f'],
    ['/0/1', '/3/x'],
    ['/3/f', '/0/1/2/f'],
    ['/0/1/f', '/0/f'],
    ['/3/4', '/0/1'],
    ['/0/1/2', '/3/4'],
    ['/3/f', '/3/xf'],
    ['/3/4/f', '/0/xf'],
    ['/3/f', '/xf'],
    ['/0/f', '/0/1/xf'],
    ['/0/f', '/0/xf'],
  ] as const;
  const operation = fc.constantFrom<Refer['operation']>('rename', 'link', 'exchange', 'whiteout');
  fc.assert(
    fc.property(
      fc.array(twinLayer, { minLength: 1, maxLength: 3 }),
      fc.constantFrom(...moves),
      operation,
      fc.boolean(),
      (layers, [from, to], how, grantAll) => {
        const scene = new Scene(tree);
        const replaced = to in tree;
        if (how === 'exchange' && !replaced) return;
        // Random rules rarely grant enough for the rule of widening to matter: half of the time the root grants most.
        const generous = grantAll
          ? layers.map((layer) => ({
              ...layer,
              rules: [
                ...layer.rules,
                [
                  '/',
                  new Set(
                    [...layer.handled].filter((right) => right !== 'fs.execute' && right !== 'fs.make_sym'),
                  ),
                ] as const,
              ],
            }))
          : layers;
        const credential = confine(behaviour, layersOf(scene, generous));
        const directory = scene.at(to.slice(0, to.lastIndexOf('/')) || '/');
        const decision = refer(behaviour, credential, {
          operation: how,
          mount: directory.mount,
          source: scene.at(from).dentry,
          directory: directory.dentry,
          target: directory.dentry.child(to.slice(to.lastIndexOf('/') + 1)),
        });
        assert.equal(
          decision.allowed ? 0 : decision.errno,
          referTwin(generous, { operation: how, from, to, replaced }),
        );
        if (!decision.allowed) assert.ok(decision.denials.length >= 1 && decision.denials.length <= 2);
      },
    ),
    { ...SEED, numRuns: 1500 },
  );
});

test('refer: what the rule says at its edges', () => {
  const scene = new Scene(tree);
  const all = 0x1ffff;
  const root = scene.at('/');
  const move = (
    kernel: Behaviour,
    layers: readonly LayerText[],
    from: string,
    to: string,
    operation: Refer['operation'] = 'rename',
  ) => {
    const directory = scene.at(to.slice(0, to.lastIndexOf('/')) || '/');
    const decision = refer(kernel, confine(kernel, layers), {
      operation,
      mount: directory.mount,
      source: scene.namespace.find(from, false).object!.dentry,
      directory: directory.dentry,
      target: directory.dentry.child(to.slice(to.lastIndexOf('/') + 1)),
    });
    return decision.allowed ? 0 : decision.errno;
  };
  const grantAll = { handledFs: all, rules: [[root, all]] } as const;
  assert.equal(move(behaviour, [grantAll], '/0/f', '/3/xf'), 0);
  assert.equal(move(behaviour, [{ handledNet: 1 }], '/0/f', '/3/xf'), 0, 'no layer handles a file right');
  assert.equal(
    move(behaviour, [grantAll, { handledNet: 1 }], '/0/f', '/3/xf'),
    ERRNO.EXDEV,
    'a layer without file rights',
  );
  assert.equal(move(behaviour, [{ scoped: 1 }, grantAll], '/0/f', '/3/xf'), ERRNO.EXDEV);
  assert.equal(move(behaviour, [grantAll, { handledNet: 1 }], '/3/f', '/3/xf'), 0, 'within one directory');
  assert.equal(move(behaviour, [grantAll], '/0/nothing', '/3/xf'), ERRNO.ENOENT);
  assert.equal(move(behaviour, [grantAll], '/0/f', '/3/nothing', 'exchange'), ERRNO.ENOENT);
  const noRefer = { handledFs: all, rules: [[root, all & ~fsMask('fs.refer')]] } as const;
  assert.equal(move(behaviour, [noRefer], '/0/f', '/3/xf'), ERRNO.EXDEV);
  const noMake = { handledFs: all, rules: [[root, all & ~fsMask('fs.refer', 'fs.make_reg')]] } as const;
  assert.equal(move(behaviour, [noMake], '/0/f', '/3/xf'), ERRNO.EACCES, 'EACCES comes before EXDEV');
  const whiteout = [
    {
      handledFs: fsMask('fs.make_reg', 'fs.refer'),
      rules: [
        [scene.at('/3'), all & fsMask('fs.make_reg', 'fs.refer')],
        [scene.at('/0'), fsMask('fs.refer')],
      ],
    },
  ] as const;
  assert.equal(move(linux(11, { errata: 7 }), whiteout, '/3/f', '/3/xf', 'whiteout'), 0);
  const noReg = [{ handledFs: fsMask('fs.make_reg'), rules: [] }] as const;
  assert.equal(move(linux(11, { errata: 7 }), noReg, '/0/1', '/0/x', 'whiteout'), 0);
  assert.equal(move(linux(11), noReg, '/0/1', '/0/x', 'whiteout'), ERRNO.EACCES);
});

test('both ends of a refused link are blamed, the source first', () => {
  const scene = new Scene(tree);
  const rules = [[scene.at('/'), fsMask('fs.read_file')]] as const;
  const credential = confine(behaviour, [
    { handledFs: fsMask('fs.read_file', 'fs.make_reg', 'fs.refer'), rules },
  ]);
  const decision = refer(behaviour, credential, {
    operation: 'link',
    mount: scene.at('/').mount,
    source: scene.at('/0/f').dentry,
    directory: scene.at('/3').dentry,
    target: scene.at('/3').dentry.child('new'),
  });
  assert.ok(!decision.allowed && decision.errno === ERRNO.EACCES);
  assert.deepEqual(decision.denials.map(blockers), [['fs.refer'], ['fs.make_reg', 'fs.refer']]);
  assert.deepEqual(
    decision.denials.map((denial) => denial.object.kind === 'path' && denial.object.path.dentry),
    [scene.at('/0').dentry, scene.at('/3').dentry],
  );
});

test('a refused widening is blamed on the rights that would be won', () => {
  const scene = new Scene(tree);
  const handledFs = fsMask('fs.execute', 'fs.refer', 'fs.make_reg', 'fs.remove_file');
  const rules = [
    [scene.at('/'), handledFs & ~fsMask('fs.execute')],
    [scene.at('/3'), fsMask('fs.execute')],
  ] as const;
  const decision = refer(behaviour, confine(behaviour, [{ handledFs, rules }]), {
    operation: 'rename',
    mount: scene.at('/').mount,
    source: scene.at('/0/f').dentry,
    directory: scene.at('/3').dentry,
    target: scene.at('/3').dentry.child('new'),
  });
  assert.ok(!decision.allowed && decision.errno === ERRNO.EXDEV);
  assert.deepEqual(decision.denials.map(blockers), [['fs.execute']]);
});

test('refer climbs over mounts like the simple walk', () => {
  const scene = new Scene({ '/s': 'dir', '/s/d': 'dir', '/s/d/m': 'dir', '/t': 'dir' });
  const { namespace } = scene;
  const bound = namespace.attach(scene.at('/s').dentry, scene.at('/t'));
  const onTop = new MemorySuperblock('tmpfs');
  const mount = namespace.attach(onTop.root, { mount: bound, dentry: scene.at('/s/d/m').dentry });
  const [from, to] = ['a', 'b'].map((name) => onTop.root.add(name, new MemoryInode('dir', onTop)));
  const source = from!.add('f', new MemoryInode('reg', onTop));
  const all = 0x1ffff;
  const rename = (kernel: Behaviour, ...rules: (readonly [Parameters<typeof accessPath>[2], number])[]) => {
    const credential = confine(kernel, [{ handledFs: all, rules }]);
    const decision = refer(kernel, credential, {
      operation: 'rename',
      mount,
      source,
      directory: to!,
      target: to!.child('f'),
    });
    return decision.allowed ? 0 : decision.errno;
  };
  const root = [scene.at('/'), all] as const;
  assert.equal(rename(behaviour), ERRNO.EACCES);
  assert.equal(rename(behaviour, root), 0);
  scene.at('/s/d').dentry.moveTo(scene.at('/').dentry, 'moved');
  const missed = [{ mount: bound, dentry: bound.root }, all] as const;
  assert.equal(rename(behaviour, missed), 0, 'the mount below which the directory was counts');
  assert.equal(rename(linux(11, { errata: 0xb }), missed), ERRNO.EACCES);
  const internal = { ...bound, internal: true };
  mount.parent = internal as MemoryMount;
  assert.equal(rename(behaviour), 0, 'below an internal mount');

  const privateRoot = new MemoryInode('dir', onTop, { private: true });
  mount.root.inode = privateRoot;
  mount.parent = null;
  assert.equal(rename(behaviour), 0, 'below a private root');
});
