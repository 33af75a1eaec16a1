/**
 * Tables of single cases: when a move would widen what an object may do, and what an open file keeps of the layers that
 * denied its optional rights, at every depth.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  blockers,
  fileIoctl,
  fileTruncate,
  linux,
  open,
  type Refer,
  refer,
} from '../../packages/landward/src/model/index.ts';
import { MemoryInode } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, type LayerText, Scene } from '../differential/scene.ts';

const behaviour = linux(11);
const ALL = 0x1ffff;
/** What every end needs, so that only widening decides. */
const MOVES = fsMask('fs.refer', 'fs.make_reg', 'fs.make_dir', 'fs.remove_file', 'fs.remove_dir');
const READ = fsMask('fs.read_file');
const WRITE = fsMask('fs.write_file');
const LIST = fsMask('fs.read_dir');
const SYM = fsMask('fs.make_sym');

const tree = {
  '/a': 'dir',
  '/a/file': 'reg',
  '/a/dir': 'dir',
  '/b': 'dir',
  '/b/file': 'reg',
  '/b/dir': 'dir',
} as const;

interface Widening {
  readonly about: string;
  /** Rights on /a, on /b, and on objects, one entry a layer. */
  readonly layers: readonly (Partial<Record<keyof typeof tree, number>> | 'no file rights')[];
  readonly object?: 'file' | 'dir';
  readonly operation?: Refer['operation'];
  readonly moves: boolean;
}

const WIDENING: readonly Widening[] = [
  { about: 'nothing at both ends', layers: [{}], moves: true },
  { about: 'the same right at both ends', layers: [{ '/a': READ, '/b': READ }], moves: true },
  { about: 'a right is lost', layers: [{ '/a': READ }], moves: true },
  { about: 'a right is won', layers: [{ '/b': READ }], moves: false },
  { about: 'one right is lost, another is won', layers: [{ '/a': READ, '/b': WRITE }], moves: false },
  { about: 'the object has the right by itself', layers: [{ '/b': READ, '/a/file': READ }], moves: true },
  {
    about: 'the object has one right by itself, two are won',
    layers: [{ '/b': READ | WRITE, '/a/file': READ }],
    moves: false,
  },
  { about: 'a file cannot win the right to list', layers: [{ '/b': LIST }], moves: true },
  { about: 'a file cannot win the right to make', layers: [{ '/b': SYM }], moves: true },
  { about: 'a directory can win the right to list', layers: [{ '/b': LIST }], object: 'dir', moves: false },
  {
    about: 'a directory can win rights for files in it',
    layers: [{ '/b': READ }],
    object: 'dir',
    moves: false,
  },
  {
    about: 'a directory has the right by itself',
    layers: [{ '/b': LIST | READ, '/a/dir': LIST | READ }],
    object: 'dir',
    moves: true,
  },
  { about: 'both layers lose', layers: [{ '/a': READ }, { '/a': WRITE }], moves: true },
  { about: 'the younger layer wins', layers: [{ '/a': READ }, { '/b': READ }], moves: false },
  { about: 'the older layer wins', layers: [{ '/b': READ }, { '/a': READ }], moves: false },
  {
    about: 'a right that one layer wins is refused by another anyway',
    layers: [{ '/b': READ }, {}],
    moves: false,
  },
  {
    about: 'the layers hold different rights, each the same at both ends',
    layers: [
      { '/a': READ, '/b': READ },
      { '/a': WRITE, '/b': WRITE },
    ],
    moves: true,
  },
  { about: 'a layer without file rights', layers: [{}, 'no file rights'], moves: false },
  {
    about: 'an exchange of equals',
    layers: [{ '/a': READ, '/b': READ }],
    operation: 'exchange',
    moves: true,
  },
  {
    about: 'an exchange in which the first wins',
    layers: [{ '/b': READ }],
    operation: 'exchange',
    moves: false,
  },
  {
    about: 'an exchange in which the second wins',
    layers: [{ '/a': READ }],
    operation: 'exchange',
    moves: false,
  },
  {
    about: 'an exchange in which the second has by itself what it would win',
    layers: [{ '/a': READ, '/b/file': READ }],
    operation: 'exchange',
    moves: true,
  },
  {
    about: 'an exchange in which each has by itself what it would win',
    layers: [{ '/a': READ, '/b': WRITE, '/a/file': WRITE, '/b/file': READ }],
    operation: 'exchange',
    moves: true,
  },
  {
    about: 'an exchange in which the first loses, and the second wins',
    layers: [{ '/a': READ | WRITE, '/b': READ }],
    operation: 'exchange',
    moves: false,
  },
];

for (const { about, layers, object = 'file', operation = 'rename', moves } of WIDENING) {
  test(`a move: ${about}: ${moves ? 'works' : 'EXDEV'}`, () => {
    const scene = new Scene(tree);
    const texts = layers.map((layer): LayerText => {
      if (layer === 'no file rights') return { handledNet: 1 };
      const rights = { '/a': MOVES, '/b': MOVES, ...layer };
      return {
        handledFs: ALL,
        rules: Object.entries(rights).map(([path, access]) => [
          scene.at(path),
          path === '/a' || path === '/b' ? access | MOVES : access,
        ]),
      };
    });
    const directory = scene.at('/b');
    const decision = refer(behaviour, confine(behaviour, texts), {
      operation,
      mount: directory.mount,
      source: scene.at(`/a/${object}`).dentry,
      directory: directory.dentry,
      target: directory.dentry.child(operation === 'exchange' ? object : 'new'),
    });
    assert.equal(decision.allowed ? 0 : decision.errno, moves ? 0 : ERRNO.EXDEV);
  });
}

test('the youngest layer that denied an optional right is kept, for each right and at every depth', () => {
  const scene = new Scene({ '/d': 'dir' });
  scene.at('/d').dentry.add('device', new MemoryInode('char', scene.at('/d').dentry.inode!.superblock));
  const path = scene.at('/d/device');
  const TRUNCATE = fsMask('fs.truncate');
  const IOCTL = fsMask('fs.ioctl_dev');
  const places = [-1, 0, 1, 7, 8, 14, 15];
  for (const truncate of places)
    for (const ioctl of places)
      for (const below of [false, true]) {
        // `below`: every older layer denies too, and is not blamed.
        const denies = (layer: number, at: number) => layer === at || (below && layer < at);
        const layers = Array.from({ length: 16 }, (_, layer): LayerText => {
          const kept = (denies(layer, truncate) ? 0 : TRUNCATE) | (denies(layer, ioctl) ? 0 : IOCTL);
          const access = READ | kept;
          return { handledFs: READ | TRUNCATE | IOCTL, rules: [[scene.at('/d'), access]] };
        });
        const opened = open(behaviour, confine(behaviour, layers), path, { read: true, write: false });
        assert.ok(opened.allowed);
        const file = { path, rights: opened.rights };
        const nibbles = Math.max(truncate, 0) | (Math.max(ioctl, 0) << 4);
        assert.equal(opened.rights.denyLayers, nibbles, `${truncate} ${ioctl}`);
        for (const [at, decision, right] of [
          [truncate, fileTruncate(behaviour, file), 'fs.truncate'],
          [ioctl, fileIoctl(behaviour, file, 0x5401), 'fs.ioctl_dev'],
        ] as const) {
          assert.equal(decision.allowed, at < 0);
          if (decision.allowed) continue;
          assert.equal(decision.denials[0]!.layer, at);
          assert.deepEqual(blockers(decision.denials[0]!), [right]);
        }
      }
});
