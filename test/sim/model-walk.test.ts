/** The path walk, the rights of open files and special file systems against twins that are written as the rules are spoken. */

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
  remove,
  truncate,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { MemoryMount } from '../../packages/landward/src/model/landlock/memory/mounts.ts';
import { MemoryInode, MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { request } from '../../packages/landward/src/model/landlock/operations.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import type { FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, Scene } from '../differential/scene.ts';
import { lacks, layersOf, PLACES, RIGHTS, type TwinLayer, tree, twinLayer } from '../differential/twin.ts';

const SEED = { seed: 20261122, numRuns: 400 };
const behaviour = linux(11);

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
