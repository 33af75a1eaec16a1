/**
 * What a policy hides is absent for a supervised program: by every call that could tell of it, through links, in listings;
 * and the ways of procfs mean the program itself, never its supervisor.
 */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { RuleLayer } from '../../packages/landward/src/model/rules.ts';
import { fsRights } from '../../packages/landward/src/uapi/masks.ts';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { layer, path } from '../kit/rules.ts';
import { supervised } from '../kit/supervised.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const GROUPS = ['open', 'create', 'remove', 'find', 'list', 'execute'] as const;
/** The system's own, where there is one: others are often wrapped in scripts. */
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const everything = path('allow', '/', fsRights(0xffff));

function hiding(...rules: readonly ReturnType<typeof path>[]): readonly RuleLayer[] {
  return [layer([everything, ...rules], 'grant', ['fs'])];
}

function place(t: Ending): string {
  const work = temporaryDirectory(t, 'hide');
  mkdirSync(join(work, 'seen'));
  mkdirSync(join(work, 'secret'));
  writeFileSync(join(work, 'seen/file'), 'seen\n');
  writeFileSync(join(work, 'seen/.env'), 'TOKEN\n');
  writeFileSync(join(work, 'secret/key'), 'key\n');
  symlinkSync('../secret/key', join(work, 'seen/link'));
  symlinkSync('../seen', join(work, 'secret/out'));
  return work;
}

const PROBE = `
import os, sys, ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(act):
    try:
        act()
    except OSError as error:
        return error.errno
    return 0
def raw(number, *args):
    if libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), 'raw')
calls = {
    'open': lambda p: os.open(p, os.O_RDONLY),
    'write': lambda p: os.open(p, os.O_WRONLY),
    'place': lambda p: os.open(p, os.O_PATH),
    'link itself': lambda p: os.open(p, os.O_PATH | os.O_NOFOLLOW),
    'stat': os.stat, 'lstat': os.lstat, 'statfs': os.statvfs, 'readlink': os.readlink,
    'access': lambda p: raw(21, p.encode(), 0),
    'listxattr': os.listxattr, 'getxattr': lambda p: os.getxattr(p, 'user.x'),
    'chdir': os.chdir,
    'watch': lambda p: raw(254, libc.inotify_init(), p.encode(), 2),
    'below': lambda p: os.stat(p + '/x'), 'above': lambda p: os.stat(p + '/..'),
    'create': lambda p: os.open(p, os.O_CREAT | os.O_EXCL | os.O_WRONLY),
    'make': os.mkdir, 'remove': os.unlink, 'remove directory': os.rmdir,
}
top = os.getcwd()
told = {}
for path in sys.argv[1:]:
    told[path] = {}
    for name, act in calls.items():
        told[path][name] = errno_of(lambda: act(os.path.join(top, path)))
        os.chdir(top)
print(json.dumps(told))
`;

test(
  'hidden places are absent for every call',
  needs({ supervisor: true, tools: ['python3'], arch: 'x64' }),
  async (t) => {
    const work = place(t);
    const layers = hiding(path('hide', join(work, 'secret'), []), path('hide', `${work}/**/.env`, []));
    const asked = ['secret', 'secret/key', 'secret/absent', 'secret/out', 'secret/out/file', 'seen/.env'];
    const result = await supervised({ layers, groups: GROUPS }, [PYTHON, '-c', PROBE, ...asked], {
      cwd: work,
    });
    assert.deepEqual(result.defects, []);
    assert.equal(result.status, 0, result.stderr);
    const told = JSON.parse(result.stdout) as Record<string, Record<string, number>>;
    for (const path of asked)
      for (const [call, errno] of Object.entries(told[path]!)) assert.equal(errno, 2, `${call} of ${path}`);
    assert.ok(result.events.some(({ effect }) => effect === 'hidden'));
    assert.deepEqual(readdirSync(join(work, 'secret')).sort(), ['key', 'out']);
  },
);

test(
  'what is not hidden answers as it does alone',
  needs({ supervisor: true, tools: ['python3'], arch: 'x64' }),
  async (t) => {
    const work = place(t);
    const layers = hiding(path('hide', join(work, 'secret'), []));
    const program = [PYTHON, '-c', PROBE, 'seen/file', 'seen', 'seen/absent'] as const;
    const result = await supervised({ layers, groups: GROUPS }, [...program], { cwd: work });
    const other = place(t);
    const alone = await supervised({ layers: [], groups: [] }, [...program], { cwd: other });
    assert.deepEqual([result.status, alone.status], [0, 0], result.stderr + alone.stderr);
    assert.deepEqual(JSON.parse(result.stdout), JSON.parse(alone.stdout));
  },
);

test('a link to something hidden is seen and leads nowhere', needs({ supervisor: true }), async (t) => {
  const work = place(t);
  const layers = hiding(path('hide', join(work, 'secret'), []));
  const script = 'readlink seen/link; test -e seen/link || echo nothing; test -h seen/link && echo link';
  const result = await supervised({ layers, groups: GROUPS }, ['sh', '-c', script], { cwd: work });
  assert.equal(result.stdout, '../secret/key\nnothing\nlink\n', result.stderr);
});

test(
  'listings leave hidden names out, whatever the buffer',
  needs({ supervisor: true, tools: ['cc'] }),
  async (t) => {
    const work = place(t);
    const many = join(work, 'many');
    mkdirSync(many);
    for (let index = 0; index < 300; index++)
      writeFileSync(join(many, `${index}.${index % 3 ? 'txt' : 'key'}`), '');
    const layers = hiding(path('hide', `${work}/**/*.key`, []));
    const program = compiled(t, 'names', 'test/fixtures/names.c');
    for (const room of [40, 64, 333, 32_768]) {
      const argv = [program, 'many', `${room}`] as const;
      const { stdout, status, stderr } = await supervised({ layers, groups: GROUPS }, [...argv], {
        cwd: work,
      });
      assert.equal(status, 0, stderr);
      const names = stdout.trimEnd().split('\n').sort();
      const expected = readdirSync(many).filter((name) => name.endsWith('.txt'));
      assert.deepEqual(names, ['.', '..', ...expected].sort(), `buffer of ${room}`);
    }
  },
);

test('looking at metadata and listing can be denied by name', needs({ supervisor: true }), async (t) => {
  const work = place(t);
  const layers = hiding(path('deny', join(work, 'seen'), ['meta.stat', 'meta.list']));
  const script = 'cat seen/file; stat seen/file || echo no stat; ls seen || echo no list';
  const result = await supervised({ layers, groups: GROUPS }, ['sh', '-c', script], { cwd: work });
  assert.equal(result.stdout, 'seen\nno stat\nno list\n');
});

test('procfs means the program, and never its supervisor', needs({ supervisor: true }), async (t) => {
  const work = place(t);
  chmodSync(work, 0o755);
  const layers = hiding(path('hide', join(work, 'secret'), []));
  const own = `${process.pid}`;
  const script = `
    cat /proc/self/comm /proc/thread-self/comm
    readlink /proc/self/exe /proc/self/cwd
    cat /proc/self/cwd/seen/file /proc/self/root${work}/seen/file
    echo through > /dev/stdout
    for file in environ maps mem fd/0 root/etc/passwd cwd/package.json task/${own}/mem auxv; do
      head -c 1 /proc/${own}/$file 2>&1 >&2 || echo refused $file; done
    readlink /proc/${own}/exe || echo refused link
    head -c 1 /proc/self/cwd/secret/key 2>&1 || echo absent`;
  const result = await supervised({ layers, groups: GROUPS }, ['sh', '-c', script], { cwd: work });
  const lines = result.stdout.split('\n').filter((line) => !line.startsWith('head: '));
  const denied = ['environ', 'maps', 'mem', 'fd/0', 'root/etc/passwd', 'cwd/package.json'];
  assert.deepEqual(lines.slice(0, 2), ['cat', 'cat']);
  assert.match(lines[2]!, /readlink|coreutils|busybox/);
  assert.deepEqual(lines.slice(3, 7), [work, 'seen', 'seen', 'through']);
  assert.deepEqual(
    lines.slice(7),
    [...denied, `task/${own}/mem`, 'auxv']
      .map((file) => `refused ${file}`)
      .concat('refused link', 'absent', ''),
  );
});
