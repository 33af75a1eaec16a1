/** The path walk, the rights of open files and the refer rule against twins that are written as the rules are spoken. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ALL_RIGHTS,
  accessPath,
  type Behaviour,
  blockers,
  changeTopology,
  type Decision,
  FREE_IOCTLS,
  fileIoctl,
  fileTruncate,
  linux,
  make,
  mknod,
  OPERATIONS,
  type OpenFile,
  open,
  openRequest,
  type Refer,
  refer,
  remove,
  truncate,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { MemoryMount } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MemoryInode, MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { request } from '../../packages/landward/src/model/landlock/operations.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, type LayerText, Scene } from '../differential/scene.ts';

const SEED = { seed: 20261122, numRuns: 400 };
const RIGHTS = Object.keys(FS_RIGHTS) as FsRight[];
const behaviour = linux(11);

/** A tree of fixed shape: /0/1/2 with files beside, so that rules fall on every depth. */
const PLACES = ['/', '/0', '/0/1', '/0/1/2', '/0/f', '/0/1/f', '/0/1/2/f', '/3', '/3/f', '/3/4', '/3/4/f'];
const tree = Object.fromEntries(
  PLACES.slice(1).map((path) => [path, path.endsWith('f') ? 'reg' : 'dir'] as const),
);

interface TwinLayer {
  readonly handled: ReadonlySet<FsRight>;
  readonly rules: readonly (readonly [string, ReadonlySet<FsRight>])[];
}

const someRights = fc.subarray(RIGHTS).map((rights) => new Set(rights));
const twinLayer: fc.Arbitrary<TwinLayer> = someRights.chain((handled) =>
  fc.record({
    handled: fc.constant(handled as ReadonlySet<FsRight>),
    rules: fc.array(
      fc.tuple(
        fc.constantFrom(...PLACES),
        fc.subarray([...handled]).map((rights) => new Set(rights)),
      ),
      { maxLength: 6 },
    ),
  }),
);

/** Rights that a rule on a file may carry, by the table. */
const fits = (path: string, right: FsRight) => !path.endsWith('f') || FS_RIGHTS[right].file;

function layersOf(scene: Scene, layers: readonly TwinLayer[]): LayerText[] {
  return layers.map(({ handled, rules }) => ({
    // A layer needs something handled; a scope changes nothing here.
    handledFs: fsMask(...handled),
    scoped: 1,
    rules: rules.flatMap(([path, rights]) => {
      const access = fsMask(...[...rights].filter((right) => fits(path, right)));
      return access === 0 ? [] : [[scene.at(path), access] as const];
    }),
  }));
}

const above = (path: string) =>
  PLACES.filter((place) => place === path || place === '/' || path.startsWith(`${place}/`));

/** What one layer lacks of some rights for an object: said with sets, for each right on its own. */
function lacks(layer: TwinLayer, path: string, asked: Iterable<FsRight>): Set<FsRight> {
  const chain = above(path);
  const denied = new Set<FsRight>();
  for (const right of asked) {
    if (!layer.handled.has(right) && right !== 'fs.refer') continue;
    const granted = layer.rules.some(
      ([place, rights]) => chain.includes(place) && rights.has(right) && fits(place, right),
    );
    if (!granted) denied.add(right);
  }
  return denied;
}

test('a simple request is the union over ancestors and the intersection over layers', () => {
  fc.assert(
    fc.property(
      fc.array(twinLayer, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(...PLACES),
      fc.subarray(RIGHTS),
      (layers, path, rights) => {
        const scene = new Scene(tree);
        const asked = rights.filter((right) => right !== 'fs.refer');
        const decision = accessPath(
          behaviour,
          confine(behaviour, layersOf(scene, layers)),
          scene.at(path),
          fsMask(...asked),
        );
        const lacking = layers.map((layer) => lacks(layer, path, asked));
        const youngest = lacking.findLastIndex((one) => one.size > 0);
        assert.equal(decision.allowed, youngest === -1);
        if (decision.allowed) return;
        assert.equal(decision.errno, ERRNO.EACCES);
        const [denial] = decision.denials;
        assert.equal(denial!.layer, youngest);
        assert.deepEqual(new Set(blockers(denial!)), lacking[youngest]);
        assert.deepEqual(
          denial!.complete.map((one) => [one.layer, one.missing]),
          lacking.flatMap((one, index) => (one.size > 0 ? [[index, fsMask(...one)]] : [])),
        );
      },
    ),
    SEED,
  );
});

test('rules in any order decide the same, and another layer or fewer rules never allow more', () => {
  fc.assert(
    fc.property(
      fc.array(twinLayer, { minLength: 1, maxLength: 3 }),
      twinLayer,
      fc.constantFrom(...PLACES),
      fc.subarray(RIGHTS),
      (layers, extra, path, rights) => {
        const scene = new Scene(tree);
        const allows = (texts: readonly TwinLayer[]) =>
          accessPath(behaviour, confine(behaviour, layersOf(scene, texts)), scene.at(path), fsMask(...rights))
            .allowed;
        const reversed = layers.map((layer) => ({ ...layer, rules: layer.rules.toReversed() }));
        assert.equal(allows(reversed), allows(layers));
        assert.ok(allows(layers) || !allows([...layers, extra]));
        assert.ok(
          allows(layers) ||
            !allows([{ ...layers[0]!, rules: layers[0]!.rules.slice(1) }, ...layers.slice(1)]),
        );
      },
    ),
    SEED,
  );
});

test('an open keeps what it had of the optional rights', () => {
  const mode = fc.constantFrom<{ read: boolean; write: boolean }>(
    { read: true, write: false },
    { read: false, write: true },
    { read: true, write: true },
    { read: false, write: false },
  );
  fc.assert(
    fc.property(
      fc.array(twinLayer, { minLength: 1, maxLength: 4 }),
      mode,
      fc.boolean(),
      (layers, how, device) => {
        const scene = new Scene(tree);
        if (device)
          scene
            .at('/3/4')
            .dentry.add('f', new MemoryInode('char', scene.at('/3/4').dentry.inode!.superblock));
        const path = scene.at('/3/4/f');
        const credential = confine(behaviour, layersOf(scene, layers));
        const opened = open(behaviour, credential, path, how);
        const asked: FsRight[] = [
          ...(how.read ? ['fs.read_file' as const] : []),
          ...(how.write ? ['fs.write_file' as const] : []),
        ];
        assert.equal(
          opened.allowed,
          layers.every((layer) => lacks(layer, '/3/4/f', asked).size === 0),
        );
        if (!opened.allowed) {
          for (const denial of opened.denials)
            for (const right of blockers(denial)) assert.ok(asked.includes(right as FsRight));
          return;
        }
        const file: OpenFile = { path, rights: opened.rights };
        const uses: [FsRight, Decision][] = [['fs.truncate', fileTruncate(behaviour, file)]];
        if (device) uses.push(['fs.ioctl_dev', fileIoctl(behaviour, file, 0x5401)]);
        else assert.ok(fileIoctl(behaviour, file, 0x5401).allowed);
        if (layers.every((layer) => layer.handled.size === 0)) return;
        for (const [right, decision] of uses) {
          const youngest = layers.findLastIndex((layer) => lacks(layer, '/3/4/f', [right]).size > 0);
          assert.equal(decision.allowed, youngest === -1, right);
          if (decision.allowed) continue;
          assert.equal(decision.errno, ERRNO.EACCES);
          assert.equal(decision.denials[0]!.layer, youngest);
          assert.deepEqual(blockers(decision.denials[0]!), [right]);
        }
      },
    ),
    SEED,
  );
});

test('always-allowed ioctl commands and files that no domain opened', () => {
  const scene = new Scene();
  for (const type of ['char', 'block'] as const) {
    const device = scene.add(`/${type}`, type);
    const credential = confine(behaviour, [{ handledFs: fsMask('fs.ioctl_dev', 'fs.truncate') }]);
    const opened = open(behaviour, credential, device, { read: true, write: false });
    assert.ok(opened.allowed);
    const file: OpenFile = { path: device, rights: opened.rights };
    const granted = { handledFs: fsMask('fs.ioctl_dev'), rules: [[device, fsMask('fs.ioctl_dev')]] } as const;
    const allowed = open(behaviour, confine(behaviour, [granted]), device, { read: true, write: false });
    assert.ok(
      allowed.allowed && fileIoctl(behaviour, { path: device, rights: allowed.rights }, 0x5401).allowed,
      type,
    );
    const free = [
      0x5451, 0x5450, 0x5421, 0x5452, 0x5460, 0xc0045877, 0xc0045878, 0xc020660b, 0x2, 0x40049409, 0x4020940d,
      0xc0189436, 0x80111500, 0x80811501,
    ];
    assert.deepEqual(new Set(Object.values(FREE_IOCTLS)), new Set(free));
    for (const command of free)
      assert.ok(fileIoctl(behaviour, file, command | 0).allowed, command.toString(16));
    for (const command of [0x541b, 0x5401, 0x80086601, 1]) {
      const decision = fileIoctl(behaviour, file, command);
      assert.equal(decision.allowed ? 0 : decision.errno, ERRNO.EACCES);
      const object = decision.allowed ? null : decision.denials[0]!.object;
      assert.equal(object?.kind === 'path' ? object.ioctl : null, command);
    }
    assert.ok(fileTruncate(behaviour, { path: device, rights: ALL_RIGHTS }).allowed);
    assert.ok(fileIoctl(behaviour, { path: device, rights: ALL_RIGHTS }, 0x5401).allowed);
  }
});

test('each operation asks for its rights, and nothing else', () => {
  const asks: Record<string, readonly FsRight[]> = {
    'open read': ['fs.read_file'],
    'open write': ['fs.write_file'],
    'open directory': ['fs.read_dir'],
    execute: ['fs.execute', 'fs.read_file'],
    truncate: ['fs.truncate'],
    'resolve unix': ['fs.resolve_unix'],
    'make reg': ['fs.make_reg'],
    'make dir': ['fs.make_dir'],
    'make lnk': ['fs.make_sym'],
    'make char': ['fs.make_char'],
    'make block': ['fs.make_block'],
    'make fifo': ['fs.make_fifo'],
    'make sock': ['fs.make_sock'],
    'remove dir': ['fs.remove_dir'],
    'remove file': ['fs.remove_file'],
  };
  assert.deepEqual(Object.keys(OPERATIONS), Object.keys(asks));
  for (const [operation, rights] of Object.entries(asks)) {
    assert.equal(request(operation as keyof typeof OPERATIONS), fsMask(...rights), operation);
    const on = /^(make|remove)/.test(operation) ? 'directory' : 'object';
    assert.equal(OPERATIONS[operation as keyof typeof OPERATIONS].on, on, operation);
  }
  assert.equal(openRequest('dir', { read: true, write: true, execute: true }), fsMask('fs.read_dir'));
  assert.equal(
    openRequest('reg', { read: true, write: true, execute: true }),
    fsMask('fs.read_file', 'fs.write_file', 'fs.execute'),
  );
  assert.equal(openRequest('reg', { read: false, write: false }), 0);

  const scene = new Scene({ '/d': 'dir', '/d/f': 'reg' });
  for (const right of RIGHTS) {
    if (right === 'fs.refer') continue;
    const only = confine(behaviour, [{ handledFs: fsMask(right) }]);
    const denied = (decision: Decision) => !decision.allowed;
    const types = {
      reg: 'fs.make_reg',
      dir: 'fs.make_dir',
      lnk: 'fs.make_sym',
      char: 'fs.make_char',
      block: 'fs.make_block',
      fifo: 'fs.make_fifo',
      sock: 'fs.make_sock',
    } as const;
    for (const [type, needs] of Object.entries(types)) {
      assert.equal(
        denied(make(behaviour, only, scene.at('/d'), type as keyof typeof types)),
        right === needs,
        `make ${type}`,
      );
      assert.equal(
        denied(mknod(behaviour, only, scene.at('/d'), type as keyof typeof types, 1)),
        right === needs,
        `mknod ${type}`,
      );
    }
    for (const [errata, needs] of [
      [0xf, 'fs.make_reg'],
      [0x7, 'fs.make_char'],
    ] as const) {
      const kernel = linux(11, { errata });
      assert.equal(denied(mknod(kernel, only, scene.at('/d'), 'char', 0)), right === needs, 'whiteout');
      assert.equal(denied(mknod(kernel, only, scene.at('/d'), 'fifo', 0)), right === 'fs.make_fifo');
    }
    assert.equal(denied(remove(behaviour, only, scene.at('/d'), 'rmdir')), right === 'fs.remove_dir');
    assert.equal(denied(remove(behaviour, only, scene.at('/d'), 'unlink')), right === 'fs.remove_file');
    assert.equal(denied(truncate(behaviour, only, scene.at('/d/f'))), right === 'fs.truncate');
  }
});

test('mount changes need a domain without file-system rights', () => {
  const scene = new Scene();
  const object = { kind: 'path', path: scene.at('/') } as const;
  assert.ok(changeTopology(behaviour, UNRESTRICTED, object).allowed);
  assert.ok(
    changeTopology(behaviour, confine(behaviour, [{ handledNet: 1 }, { scoped: 1 }]), object).allowed,
  );
  const decision = changeTopology(
    behaviour,
    confine(behaviour, [{ handledFs: 1 }, { handledFs: 2 }, { scoped: 1 }]),
    object,
  );
  assert.ok(!decision.allowed && decision.errno === ERRNO.EPERM);
  assert.equal(decision.denials[0]!.layer, 1);
  assert.deepEqual(
    decision.denials[0]!.complete.map((one) => one.layer),
    [0, 1],
  );
  assert.deepEqual(blockers(decision.denials[0]!), ['fs.change_topology']);
});

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

test('mounts: crossed upwards, hidden by what covers them, and special ones left alone', () => {
  const scene = new Scene({
    '/m': 'dir',
    '/m/hidden': 'dir',
    '/s': 'dir',
    '/s/d': 'dir',
    '/s/d/f': 'reg',
    '/t': 'dir',
  });
  const { namespace } = scene;
  const covered = scene.at('/m');
  const tmpfs = new MemorySuperblock('tmpfs');
  const file = tmpfs.root.add('f', new MemoryInode('reg', tmpfs));
  const mount = namespace.attach(tmpfs.root, covered);
  const read = fsMask('fs.read_file');
  const reads = (
    kernel: Behaviour,
    at: Parameters<typeof accessPath>[2],
    ...rules: Parameters<typeof accessPath>[2][]
  ) =>
    accessPath(
      kernel,
      confine(kernel, [{ handledFs: read, rules: rules.map((path) => [path, read] as const) }]),
      at,
      read,
    ).allowed;
  const inside = { mount, dentry: file };
  assert.ok(reads(behaviour, inside, scene.at('/')));
  assert.ok(reads(behaviour, inside, { mount, dentry: tmpfs.root }));
  assert.ok(!reads(behaviour, inside, covered), 'a rule on what a mount covers');
  namespace.detach(mount);
  assert.ok(!reads(behaviour, inside, scene.at('/')), 'a detached mount has nothing above');

  const bound = namespace.attach(scene.at('/s').dentry, scene.at('/t'));
  const moved = scene.at('/s/d').dentry;
  moved.moveTo(scene.at('/').dentry, 'moved');
  const disconnected = { mount: bound, dentry: moved.child('f') };
  assert.ok(reads(behaviour, disconnected, { mount: bound, dentry: bound.root }), 'the missed mount counts');
  assert.ok(reads(behaviour, disconnected, scene.at('/')));
  assert.ok(
    !reads(linux(11, { errata: 0xb }), disconnected, { mount: bound, dentry: bound.root }),
    'before erratum 3 it did not',
  );

  const kernelOnly = new MemorySuperblock('other', true);
  const pipe = { mount: new MemoryMount(kernelOnly.root, true), dentry: kernelOnly.root };
  assert.ok(reads(behaviour, pipe), 'a pipe');
  const strict = confine(behaviour, [{ handledFs: 0x1ffff }]);
  const reopened = open(behaviour, strict, pipe, { read: true, write: false });
  assert.ok(reopened.allowed && fileTruncate(behaviour, { path: pipe, rights: reopened.rights }).allowed);
  const secret = new MemoryInode('reg', new MemorySuperblock('other'), { private: true });
  assert.ok(
    reads(behaviour, { mount: scene.at('/').mount, dentry: scene.at('/').dentry.add('secret', secret) }),
    'a private inode',
  );
  const internal = new MemorySuperblock('other');
  const namespaceFile = new MemorySuperblock('other');
  assert.ok(
    reads(behaviour, { mount: new MemoryMount(internal.root, true), dentry: namespaceFile.root }),
    'an internal mount',
  );
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
