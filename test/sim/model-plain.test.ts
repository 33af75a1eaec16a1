/** Asking Landlock about plain paths: what stands between a plan's ruleset and the model. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  linux,
  type PlainObject,
  type PlainRuleset,
  plainLandlock,
} from '../../packages/landward/src/model/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';

const all = 0x1ffff;
const objects: Record<string, PlainObject> = {
  '/a': 'dir',
  '/a/x': 'reg',
  '/a/s': 'dir',
  '/a/link': { type: 'reg', inode: 'shared' },
  '/b': 'dir',
  '/b/y': { type: 'reg', inode: 'shared' },
};
const tree = (path: string) => objects[path];
const ruleset = (more: Partial<PlainRuleset>): PlainRuleset => ({
  handledFs: all,
  handledNet: 15,
  scoped: 3,
  paths: [],
  ports: [],
  ...more,
});
const ask = (...rulesets: PlainRuleset[]) => plainLandlock(linux(11), rulesets, tree);

test('rights are asked where Landlock looks them up', () => {
  const asked = ask(
    ruleset({
      paths: [
        { path: '/a', access: all },
        { path: '/b/y', access: fsMask('fs.write_file') },
      ],
    }),
  );
  assert.equal(asked.path('/a/x', ['fs.read_file']).allowed, true);
  assert.equal(
    asked.path('/a/new', ['fs.make_reg', 'fs.write_file']).allowed,
    true,
    'what does not exist has a place',
  );
  assert.equal(asked.path('/a', ['fs.remove_dir']).allowed, false, 'removal is asked of the parent');
  assert.equal(asked.access('/a', fsMask('fs.remove_dir')).allowed, true);
  assert.deepEqual(asked.path('/b/y', ['fs.read_file', 'fs.write_file']), {
    allowed: false,
    errno: ERRNO.EACCES,
    blame: [{ layer: 0, missing: ['fs.read_file'] }],
  });
  assert.equal(asked.path('/a/link', ['fs.write_file']).allowed, true);
  const onLink = ask(ruleset({ paths: [{ path: '/a/link', access: fsMask('fs.read_file') }] }));
  assert.equal(
    onLink.path('/b/y', ['fs.read_file']).allowed,
    true,
    'a rule follows the inode through its hard links',
  );
});

test('rename, ports, scopes and sockets', () => {
  const asked = ask(
    ruleset({
      paths: [{ path: '/a', access: all }],
      ports: [
        { port: 443, access: 2 },
        { port: 53, access: 8 },
      ],
    }),
  );
  assert.equal(asked.refer('rename', '/a/x', '/a/s/x').allowed, true);
  assert.equal(asked.refer('link', '/a/x', '/b/x').errno, ERRNO.EACCES);
  assert.equal(asked.port('net.connect_tcp', 443).allowed, true);
  assert.equal(asked.port('net.bind_tcp', 443).errno, ERRNO.EACCES);
  assert.equal(asked.port('net.connect_send_udp', 53).allowed, true);
  assert.equal(asked.port('net.bind_udp', 53).allowed, false);
  assert.deepEqual(asked.scope('scope.signal'), {
    allowed: false,
    errno: ERRNO.EPERM,
    blame: [{ layer: 0, missing: ['scope.signal'] }],
  });
  assert.equal(asked.unix('/b/y').errno, ERRNO.EACCES);
  const free = ask(ruleset({ handledFs: 1, handledNet: 0, scoped: 0 }));
  assert.ok(
    free.scope('scope.signal').allowed && free.port('net.bind_tcp', 1).allowed && free.unix('/b/y').allowed,
  );
});

test('several rulesets are layers, and no ruleset restricts nothing', () => {
  const read = fsMask('fs.read_file');
  const asked = ask(
    ruleset({ handledFs: read, paths: [{ path: '/a', access: read }] }),
    ruleset({ handledFs: read, paths: [{ path: '/', access: read }] }),
  );
  assert.equal(asked.path('/a/x', ['fs.read_file']).allowed, true);
  assert.deepEqual(asked.path('/b/y', ['fs.read_file']).blame, [{ layer: 0, missing: ['fs.read_file'] }]);
  assert.equal(ask().path('/b/y', ['fs.read_file']).allowed, true);
});

test('what the kernel would refuse is refused', () => {
  const add = (path: string, access: number) => () => ask(ruleset({ paths: [{ path, access }] }));
  assert.throws(add('/nowhere', 4), { code: 'PATH_MISSING' });
  assert.throws(add('/a/x', fsMask('fs.read_dir')), {
    code: 'KERNEL',
    errno: ERRNO.EINVAL,
    syscall: 'landlock_add_rule',
  });
  assert.throws(add('/a', 0), { code: 'KERNEL', errno: ERRNO.ENOMSG });
  assert.throws(() => ask(ruleset({ ports: [{ port: 65536, access: 1 }] })), {
    code: 'KERNEL',
    errno: ERRNO.EINVAL,
  });
  assert.throws(() => ask(ruleset({ handledFs: 1 << 20 })), {
    code: 'KERNEL',
    syscall: 'landlock_create_ruleset',
  });
  const created = plainLandlock(
    linux(7),
    [
      {
        handledFs: 4,
        handledNet: 0,
        scoped: 0,
        paths: [{ path: '/new', access: 4, missing: 'create' }],
        ports: [],
      },
    ],
    tree,
  );
  assert.equal(created.path('/new/f', ['fs.read_file']).allowed, true);
});
