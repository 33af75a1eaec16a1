/**
 * Attacks on files: reach a secret, change what may only be read, execute what may only be written.
 * A table; how a case is run and what it must prove is in `case.ts`.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Attack, done, leaked, refused } from './case.ts';
import type { World } from './world.ts';

const EACCES = 13;
const EBADF = 9;
const EXDEV = 18;

const secretGranted = (world: World) => ({ read: [world.outside] });
const libraryWritable = (world: World) => ({ write: [world.library] });

/** An attack that reads the secret by some way, against the missing grant. */
const reads = (
  id: number,
  name: string,
  action: Attack['action'],
  prepare?: (world: World) => void,
): Attack => ({
  id,
  name,
  ...(prepare === undefined ? {} : { prepare }),
  action,
  without: 'the absence of a grant',
  off: secretGranted,
  held: refused(EACCES),
  succeeded: leaked,
});

/** An attack that changes a file which may only be read. */
const changes = (id: number, name: string, action: Attack['action']): Attack => ({
  id,
  name,
  prepare: ({ library }) => writeFileSync(join(library, 'file'), `${'public '.repeat(600)}\n`),
  action,
  without: 'the absence of a write grant',
  off: libraryWritable,
  held: (result, world) => {
    refused(EACCES)(result, world);
    assert.equal(readFileSync(join(world.library, 'file'), 'utf8'), `${'public '.repeat(600)}\n`);
  },
  succeeded: (result, world) => {
    done(result, world);
    assert.notEqual(readFileSync(join(world.library, 'file'), 'utf8'), `${'public '.repeat(600)}\n`);
  },
});

/** An attack with an inherited descriptor 3, opened by the caller before anything was restricted. */
const inherits = (attack: Attack, path: (world: World) => string, flags: number): Attack => ({
  ...attack,
  surround: (world) => {
    const fd = openSync(path(world), flags);
    return { options: { fds: [fd] }, release: () => closeSync(fd) };
  },
});

const O_PATH = 0o10000000;
const uring = { process: 'io_uring = "allow"', require: 'degrade = ["net.other"]' };
const keep = { process: 'keep_fds = [3]' };

export const fileAttacks: readonly Attack[] = [
  reads(
    1,
    'a symbolic link in the project to the secret',
    ({ project }) => ['read', join(project, 'link')],
    (world) => symlinkSync(world.secret, join(world.project, 'link')),
  ),
  reads(3, 'dots that lead out of the project', ({ project }) => ['read', `${project}/.././outside//secret`]),
  reads(3, 'dots below an opened directory', ({ project }) => ['read-at', project, '../outside/secret']),
  {
    id: 4,
    name: 'a hard link in the project to a file that may only be read',
    action: ({ library, project }) => ['link', join(library, 'file'), join(project, 'hard')],
    without: 'the absence of a write grant',
    off: libraryWritable,
    held: refused(EXDEV, EACCES),
    succeeded: done,
  },
  {
    id: 5,
    name: 'a directory of secrets moved into the project',
    prepare: ({ outside, token }) => {
      mkdirSync(join(outside, 'inner'));
      writeFileSync(join(outside, 'inner/secret'), `${token}\n`);
    },
    action: ({ outside, project }) => [
      ...['rename', join(outside, 'inner'), join(project, 'mine')],
      ...['then', 'read', join(project, 'mine/secret')],
    ],
    without: 'the absence of a write grant',
    off: ({ outside }) => ({ write: [outside] }),
    held: refused(EXDEV, EACCES),
    succeeded: leaked,
  },
  {
    id: 6,
    name: 'an own file exchanged with one that may only be read',
    action: ({ library, project }) => ['exchange', join(project, 'own'), join(library, 'file')],
    without: 'the absence of a write grant',
    off: libraryWritable,
    held: refused(EXDEV, EACCES),
    succeeded: done,
  },
  {
    id: 7,
    name: 'a deny inside an allowed tree, for names that do not exist yet',
    needs: { supervisor: true },
    action: ({ project }) => ['read', join(project, '.env')],
    prepare: (world) => writeFileSync(join(world.project, '.env'), `${world.token}\n`),
    on: ({ project }) => ({ fs: `deny = [${JSON.stringify(`${project}/**/.env*`)}]` }),
    without: 'the supervisor',
    off: ({ project }) => ({
      fs: `deny = [${JSON.stringify(`${project}/**/.env*`)}]`,
      sections: { require: 'degrade = ["fs.glob"]' },
    }),
    held: refused(EACCES),
    succeeded: leaked,
  },
  {
    id: 22,
    name: 'a deny glob over 200,000 files',
    needs: { supervisor: true },
    action: ({ project }) => ['read', join(project, 'many/.env')],
    prepare: (world) => {
      const many = join(world.project, 'many');
      mkdirSync(many);
      const made = spawnSync('sh', ['-c', 'seq 200000 | xargs touch'], { cwd: many });
      assert.equal(made.status, 0);
      writeFileSync(join(many, '.env'), `${world.token}\n`);
    },
    on: ({ project }) => ({ fs: `deny = [${JSON.stringify(`${project}/**/.env*`)}]` }),
    without: 'the supervisor',
    off: ({ project }) => ({
      fs: `deny = [${JSON.stringify(`${project}/**/.env*`)}]`,
      sections: { require: 'degrade = ["fs.glob"]' },
    }),
    held: refused(EACCES),
    succeeded: leaked,
  },
  {
    id: 7,
    name: 'a deny inside a readable tree, held by granting its siblings',
    prepare: (world) => {
      mkdirSync(join(world.library, 'keys'));
      writeFileSync(join(world.library, 'keys/id'), `${world.token}\n`);
    },
    action: ({ library }) => ['read', join(library, 'file'), 'then', 'read', join(library, 'keys/id')],
    on: ({ library }) => ({
      fs: `deny = [{ path = ${JSON.stringify(join(library, 'keys'))}, expand = true }]`,
    }),
    without: 'the deny',
    off: () => ({}),
    held: (result, world) => {
      refused(EACCES)(result, world);
      assert.match(result.stdout, /^DONE public/m, 'the sibling must stay readable');
    },
    succeeded: leaked,
  },
  reads(8, '/proc/self/root', ({ secret }) => ['read', `/proc/self/root${secret}`]),
  reads(8, '/proc/self/cwd', () => ['read', '/proc/self/cwd/../outside/secret']),
  reads(8, '/proc/thread-self/root', ({ secret }) => ['read', `/proc/thread-self/root${secret}`]),
  inherits(
    {
      id: 9,
      name: 'a file below a kept directory descriptor',
      action: () => ['read-below-fd', '3', 'secret'],
      on: () => ({ sections: keep }),
      without: 'the absence of a grant',
      off: (world) => ({ ...secretGranted(world), sections: keep }),
      held: refused(EACCES),
      succeeded: leaked,
    },
    ({ outside }) => outside,
    O_PATH,
  ),
  inherits(
    {
      id: 10,
      name: 'a kept O_PATH descriptor, opened again through /proc',
      action: () => ['reopen-fd', '3'],
      on: () => ({ sections: keep }),
      without: 'the absence of a grant',
      off: (world) => ({ ...secretGranted(world), sections: keep }),
      held: refused(EACCES),
      succeeded: leaked,
    },
    ({ secret }) => secret,
    O_PATH,
  ),
  inherits(
    {
      id: 11,
      name: 'an inherited descriptor of the secret',
      action: () => ['read-fd', '3'],
      without: 'the closing of descriptors',
      off: () => ({ sections: keep }),
      held: refused(EBADF),
      succeeded: leaked,
    },
    ({ secret }) => secret,
    constants.O_RDONLY,
  ),
  changes(13, 'truncate', ({ library }) => ['truncate', join(library, 'file')]),
  changes(13, 'O_TRUNC on a file opened for reading', ({ library }) => [
    'open-truncate',
    join(library, 'file'),
  ]),
  changes(13, 'fallocate that punches a hole', ({ library }) => ['punch', join(library, 'file')]),
  changes(13, 'a shared mapping', ({ library }) => ['map-write', join(library, 'file')]),
  changes(13, 'copy_file_range', ({ library, project }) => [
    'copy-range',
    join(project, 'own'),
    join(library, 'file'),
  ]),
  {
    id: 13,
    name: 'unlink',
    action: ({ library }) => ['unlink', join(library, 'file')],
    without: 'the absence of a write grant',
    off: libraryWritable,
    held: refused(EACCES),
    succeeded: done,
  },
  {
    id: 14,
    name: 'chmod of a file that may only be read, where the policy denies that',
    needs: { root: true, supervisor: true },
    action: ({ library }) => ['chmod', join(library, 'file')],
    on: ({ library }) => ({ fs: `deny = [{ path = ${JSON.stringify(library)}, rights = ["meta.write"] }]` }),
    without: 'the supervisor',
    off: ({ library }) => ({
      fs: `deny = [{ path = ${JSON.stringify(library)}, rights = ["meta.write"] }]`,
      sections: { require: 'degrade = ["fs.metadata", "fs.deny"]' },
    }),
    held: refused(EACCES),
    succeeded: done,
  },
  ...(['fifo', 'socket'] as const).map(
    (kind): Attack => ({
      id: 16,
      name: `a ${kind} made where nothing may be written`,
      action: ({ library }) => [`make-${kind}`, join(library, 'new')],
      without: kind === 'fifo' ? 'the absence of a write grant' : 'landward',
      // Where the policy names no socket to listen on, writing does not make one either.
      off: kind === 'fifo' ? libraryWritable : 'unconfined',
      held: refused(EACCES),
      succeeded: done,
    }),
  ),
  {
    id: 16,
    name: 'a character device made in the project',
    needs: { root: true },
    action: ({ project }) => ['make-device', join(project, 'zero')],
    without: 'the absence of fs.make_char from write',
    off: ({ project }) => ({ sections: { 'kernel.fs': `make_char = [${JSON.stringify(project)}]` } }),
    held: refused(EACCES),
    succeeded: done,
  },
  {
    id: 16,
    name: 'a device that no rule grants',
    action: () => ['read', '/dev/zero'],
    without: 'the absence of a grant',
    off: () => ({ device: ['/dev/zero'] }),
    held: refused(EACCES),
    succeeded: done,
  },
  {
    id: 20,
    name: 'a program that was written into the project',
    prepare: (world) => {
      copyFileSync(world.probe, join(world.project, 'copy'));
      chmodSync(join(world.project, 'copy'), 0o755);
    },
    action: ({ project }) => ['execute', join(project, 'copy'), 'euid'],
    without: 'the absence of fs.execute from write',
    off: ({ project }) => ({ exec: [project] }),
    held: refused(EACCES),
    succeeded: done,
  },
  {
    id: 20,
    name: 'a program executed from anonymous memory, where the policy refuses memfd_create',
    action: ({ probe }) => ['execute-memory', probe, 'euid'],
    on: () => ({ sections: { process: 'syscalls = ["memfd_create"]' } }),
    without: 'the refusal of memfd_create',
    off: () => ({}),
    held: refused(1),
    succeeded: (result) => assert.doesNotMatch(result.stdout, /ERRNO/, JSON.stringify(result)),
  },
  {
    id: 30,
    name: 'io_uring, which opens without openat',
    action: ({ secret }) => ['read-with-uring', secret],
    on: secretGranted,
    without: 'the refusal of io_uring',
    off: (world) => ({ ...secretGranted(world), sections: uring }),
    held: refused(1, 38),
    succeeded: leaked,
  },
  {
    id: 30,
    name: 'io_uring, where it is allowed, against Landlock alone',
    action: ({ secret }) => ['read-with-uring', secret],
    on: () => ({ sections: uring }),
    without: 'the absence of a grant',
    off: (world) => ({ ...secretGranted(world), sections: uring }),
    held: refused(EACCES),
    succeeded: leaked,
  },
  {
    id: 3,
    name: 'a hard link to the secret that was in the project before',
    prepare: (world) => linkSync(world.secret, join(world.project, 'hard')),
    action: ({ project, secret }) => ['read', secret, 'then', 'read', join(project, 'hard')],
    without: 'the absence of a grant',
    off: secretGranted,
    // Landlock judges the way by which a file is reached: the other name stays shut.
    held: refused(EACCES),
    succeeded: leaked,
  },
];
