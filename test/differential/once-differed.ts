/** Cases on which the model once differed from a kernel, as the shrinker printed them. */

import type { Step } from './steps.ts';

export const ONCE_DIFFERED: readonly { readonly about: string; readonly steps: readonly Step[] }[] = [
  {
    about: 'linking the root of a file system into itself stays within one directory',
    steps: [
      { task: 0, op: 'mkdir', at: { path: '/tmp/d' } },
      { task: 0, op: 'tmpfs', at: { path: '/tmp/d' } },
      { task: 0, op: 'fork', child: 2 },
      { task: 2, op: 'ruleset', slot: 11, fs: 46358, net: 0, scoped: 2 },
      { task: 2, op: 'restrict', slot: 11, flags: 0 },
      { task: 2, op: 'link', at: { path: '/tmp/d' }, to: { path: '/tmp/d/d' }, follow: false },
    ],
  },
  {
    about: 'an exchange with a name below a disconnected directory moves both inodes',
    steps: [
      { task: 0, op: 'mkdir', at: { path: '/tmp/c' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/c/s' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/c/s/d' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/c/s/d/e' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/c/t' } },
      { task: 0, op: 'open', at: { path: '/tmp/c/s/d/e/g' }, flags: 6, slot: -1 },
      { task: 0, op: 'bind', at: { path: '/tmp/c/s' }, to: { path: '/tmp/c/t' } },
      { task: 0, op: 'open', at: { path: '/tmp/c/t/d' }, flags: 128, slot: 0 },
      { task: 0, op: 'mknod', at: { path: '/tmp/c/s/d/a' }, mode: 8192, rdev: 259 },
      { task: 0, op: 'rename', at: { path: '/tmp/c/t/d/a' }, to: { path: 'e/g', slot: 0 }, flags: 2 },
      { task: 0, op: 'exec', at: { path: 'e/g', slot: 0 } },
    ],
  },
  {
    about:
      'a removed directory that is still mounted elsewhere takes no new names, after mounts were compared',
    steps: [
      { task: 0, op: 'mkdir', at: { path: '/tmp/a' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/a/b' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/c' } },
      { task: 0, op: 'mkdir', at: { path: '/tmp/a/b/b' } },
      { task: 0, op: 'bind', at: { path: '/tmp/c' }, to: { path: '/tmp/a/b/b' } },
      { task: 0, op: 'fork', child: 1 },
      { task: 1, op: 'fork', child: 2 },
      { task: 0, op: 'rmdir', at: { path: '/tmp/c' } },
      { task: 2, op: 'rename', at: { path: '/tmp/a/b' }, to: { path: '/tmp/a/b/b/b' }, flags: 0 },
    ],
  },
];
