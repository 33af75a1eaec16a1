/**
 * Real programs under a policy that only a supervisor holds (a deny of every `.env`, a rule for one host): the same output
 * and the same status as without landward, and the denied file stays closed.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PolicyDefinition } from '../../packages/landward/src/policy/define.ts';
import type { ChildResult } from '../kit/child.ts';
import { needPackage } from '../kit/debian.ts';
import { needs } from '../kit/needs.ts';
import { type Place, place, serve } from '../kit/places.ts';
import { startRegistry } from '../kit/registry.ts';

const live = needs({ abi: 5, supervisor: true });
const USER = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

/** Everything but every `.env`; one host. */
const policy = (port = 9): PolicyDefinition => ({
  extends: ['@base'],
  fs: {
    read: ['/'],
    exec: ['/'],
    write: ['$project', '$tmp', '/dev/null', '/dev/tty'],
    device: ['/dev/null', '/dev/tty'],
    deny: [{ path: '$project/**/.env', because: 'secrets stay out' }],
  },
  net: { connect: [`tcp:127.0.0.1:${port}`], listen: ['tcp:1024-65535'] },
});

/** Runs a command both ways in two places that are alike, and compares what it said. */
async function alike(
  free: Place,
  confined: Place,
  rules: PolicyDefinition,
  command: string,
  ...args: string[]
): Promise<ChildResult> {
  const word = (place: Place) =>
    args.map((arg) => arg.replaceAll('@PROJECT@', place.project).replaceAll('@TMP@', place.tmp));
  const plain = await free.free(command, ...word(free));
  const held = await confined.confined(rules, command, ...word(confined));
  const clean = (text: string, place: Place) =>
    text
      .replaceAll(join(place.project, '..'), '@PLACE@')
      .replaceAll(/\bin \d+(\.\d+)?m?s\b/g, 'in #')
      .replaceAll(/\b\d+(\.\d+)?( ?(ms|s|KiB\/s|MiB\/s|kB\/s|MB\/s)\b)/g, '#$2')
      .replaceAll(/0x[0-9a-f]+/g, '0x#');
  assert.equal(clean(held.stdout, confined), clean(plain.stdout, free), `${command} ${args.join(' ')}`);
  assert.equal(clean(held.stderr, confined), clean(plain.stderr, free), `${command} ${args.join(' ')}`);
  assert.deepEqual([held.code, held.signal], [plain.code, plain.signal]);
  return held;
}

/** Two places with the same files, and one `.env` in each. */
function twins(t: Parameters<typeof place>[0], files: Readonly<Record<string, string>> = {}): [Place, Place] {
  const both: [Place, Place] = [place(t, USER), place(t, USER)];
  for (const one of both) one.write({ '.env': 'TOKEN=1\n', ...files });
  return both;
}

test('the deny holds: the shell reads what is beside it and not .env', live, async (t) => {
  const [, confined] = twins(t, { 'a.txt': 'A\n', 'sub/.env': 'TOKEN=2\n' });
  const read = await confined.confined(
    policy(),
    'sh',
    '-c',
    'cat a.txt; cat .env sub/.env; cp .env x; mv .env y',
  );
  assert.equal(read.stdout, 'A\n');
  assert.doesNotMatch(read.stdout + read.stderr, /TOKEN/);
  const later = await confined.confined(policy(), 'sh', '-c', 'mkdir later && echo T > later/.env');
  assert.notEqual(later.code, 0, 'a file that did not exist when the policy was compiled');
});

test('git: init, commit, status of many files, clone over file and http', {
  ...live,
  ...needPackage('git', 'git'),
}, async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`d${index % 20}/f${index}.txt`, `${index}\n`]),
  );
  const [free, confined] = twins(t, { ...files, '.gitignore': '.env\n' });
  const run = (...args: string[]) => alike(free, confined, policy(), 'git', ...args);
  await run('init', '-q', '-b', 'main');
  await run('add', '.');
  await run('commit', '-q', '-m', 'all');
  await run('log', '--format=%H %s');
  for (const one of [free, confined]) one.write({ 'd1/new.txt': 'n', 'd2/f2.txt': 'changed' });
  const status = await run('status', '--short');
  assert.match(status.stdout, /M d2\/f2.txt/);
  await run('clone', '-q', 'file://@PROJECT@', '@TMP@/copy');
  await run('-C', '@TMP@/copy', 'log', '--format=%H');
  await run('gc', '-q');
  await run('update-server-info');
  const { port } = await serve(t, (request, response) => {
    try {
      response.end(readFileSync(join(free.project, '.git', request.url!.split('?')[0]!.slice(3))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await alike(free, confined, policy(port), 'git', 'clone', '-q', `http://127.0.0.1:${port}/x`, '@TMP@/web');
  await run('-C', '@TMP@/web', 'status', '--short');
});

test('npm ci installs from a registry and runs its scripts', {
  ...live,
  ...needPackage('npm', 'npm'),
}, async (t) => {
  const [free, confined] = twins(t);
  const folder = place(t).project;
  const packages = ['left', 'right'].map((name) => join(folder, name));
  for (const [index, directory] of packages.entries()) {
    mkdirSync(directory);
    writeFileSync(
      join(directory, 'package.json'),
      JSON.stringify({
        name: `lw-${index}`,
        version: '1.0.0',
        scripts: { postinstall: "node -e \"require('fs').writeFileSync('built','1')\"" },
      }),
    );
    writeFileSync(join(directory, 'index.js'), `module.exports = ${index};\n`);
  }
  const registry = await startRegistry(packages);
  t.after(() => registry.close());
  for (const one of [free, confined])
    one.write({
      'package.json': JSON.stringify({
        name: 'p',
        version: '1.0.0',
        dependencies: { 'lw-0': '1.0.0', 'lw-1': '1.0.0' },
      }),
      '.npmrc': `registry=${registry.url}/\ncache=${one.tmp}/npm\nupdate-notifier=false\nfund=false\naudit=false\n`,
      'try.js':
        "console.log(require('lw-0') + require('lw-1'), require('fs').existsSync('node_modules/lw-0/built'));",
    });
  const rules = policy(registry.port);
  await alike(free, confined, rules, 'npm', 'install', '--package-lock-only');
  await alike(free, confined, rules, 'npm', 'ci');
  const ran = await alike(free, confined, rules, 'node', 'try.js');
  assert.equal(ran.stdout, '1 true\n');
});

test('gcc and make build a project of many files in parallel', {
  ...live,
  ...needPackage('gcc make', 'gcc'),
}, async (t) => {
  const units = Array.from({ length: 12 }, (_, index) => index);
  const [free, confined] = twins(t, {
    ...Object.fromEntries(
      units.map((n) => [
        `u${n}.c`,
        `#include <stdio.h>\n#include "all.h"\nint u${n}(void) { return ${n}; }\n`,
      ]),
    ),
    'all.h': units.map((n) => `int u${n}(void);`).join('\n'),
    'main.c': `#include <stdio.h>\n#include "all.h"\nint main(void) { printf("%d\\n", ${units.map((n) => `u${n}()`).join('+')}); return 0; }\n`,
    Makefile: `OBJ = main.o ${units.map((n) => `u${n}.o`).join(' ')}\nall: sum\nsum: $(OBJ)\n\t$(CC) -o $@ $(OBJ)\n%.o: %.c all.h\n\t$(CC) -O1 -c -o $@ $<\n`,
  });
  await alike(free, confined, policy(), 'make', '-s', '-j4');
  const ran = await alike(free, confined, policy(), './sum');
  assert.equal(ran.stdout, '66\n');
});

test('python3 makes an environment and pip installs from a local index', {
  ...live,
  ...needPackage('python3-venv python3-pip', 'python3'),
}, async (t) => {
  const [free, confined] = twins(t, {
    'pkg/setup.py':
      "from setuptools import setup\nsetup(name='lwdemo', version='1.0', py_modules=['lwdemo'])\n",
    'pkg/lwdemo.py': "def hello():\n    return 'hello'\n",
    'wheel.py': WHEEL,
  });
  await alike(free, confined, policy(), '/usr/bin/python3', 'wheel.py');
  const { port } = await serve(t, (request, response) => {
    const name = request.url!.split('/').filter(Boolean).at(-1);
    if (name === 'lwdemo')
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<a href="/lwdemo-1.0-py3-none-any.whl">lwdemo-1.0-py3-none-any.whl</a>');
    else response.end(readFileSync(join(free.project, 'lwdemo-1.0-py3-none-any.whl')));
  });
  const rules = policy(port);
  await alike(free, confined, rules, '/usr/bin/python3', '-m', 'venv', 'env');
  await alike(
    free,
    confined,
    rules,
    'env/bin/pip',
    'install',
    '-q',
    '--disable-pip-version-check',
    '--no-cache-dir',
    '--index-url',
    `http://127.0.0.1:${port}/simple`,
    'lwdemo',
  );
  const ran = await alike(
    free,
    confined,
    rules,
    'env/bin/python',
    '-c',
    'import lwdemo; print(lwdemo.hello())',
  );
  assert.equal(ran.stdout, 'hello\n');
});

const WHEEL = `
import zipfile, hashlib, base64
files = {'lwdemo.py': open('pkg/lwdemo.py').read(),
 'lwdemo-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\\nName: lwdemo\\nVersion: 1.0\\n',
 'lwdemo-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}
record = ''
for name, text in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()
    record += f'{name},sha256={digest},{len(text)}\\n'
files['lwdemo-1.0.dist-info/RECORD'] = record + 'lwdemo-1.0.dist-info/RECORD,,\\n'
with zipfile.ZipFile('lwdemo-1.0-py3-none-any.whl', 'w') as z:
    for name, text in files.items():
        z.writestr(zipfile.ZipInfo(name), text)
print('ok')
`;

test('node serves http, asks itself, and watches files', live, async (t) => {
  const [free, confined] = twins(t, {
    'server.js': `
const http = require('http'), fs = require('fs');
const server = http.createServer((request, response) => response.end('hi ' + request.url));
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => fetch('http://127.0.0.1:' + port + '/' + i).then((r) => r.text())));
  console.log(answers.join());
  let denied; try { fs.readFileSync('.env') } catch (error) { denied = error.code }
  fs.writeFileSync('out', 'x'); console.log(fs.readdirSync('.').sort().join());
  server.close(); server.closeAllConnections();
});`,
  });
  const any = {
    ...policy(),
    net: { connect: ['tcp:127.0.0.1:1-65535'], listen: ['tcp:1024-65535', 'tcp:0'] },
  };
  const ran = await alike(free, confined, any, 'node', 'server.js');
  assert.match(ran.stdout, /^hi \/0,hi \/1,/);
});

test('curl reaches the host of the rule and no other', {
  ...live,
  ...needPackage('curl', 'curl'),
}, async (t) => {
  const [free, confined] = twins(t);
  const { port } = await serve(t, (_, response) => response.end('body'));
  const other = await serve(t, (_, response) => response.end('other'));
  const ran = await alike(free, confined, policy(port), 'curl', '-sS', `http://127.0.0.1:${port}/`);
  assert.equal(ran.stdout, 'body');
  const refused = await confined.confined(policy(port), 'curl', '-sS', `http://127.0.0.1:${other.port}/`);
  assert.equal(refused.code, 7);
});

test('nginx serves a file, with workers of its own', {
  ...live,
  ...needPackage('nginx-light curl', 'nginx'),
}, async (t) => {
  const port = 20_000 + (process.pid % 20_000);
  const script = `nginx -p @PROJECT@ -c @PROJECT@/nginx.conf & i=0
while ! curl -s http://127.0.0.1:${port}/a.txt && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done
kill -QUIT $(cat @PROJECT@/nginx.pid); wait`;
  const [free, confined] = twins(t, { 'www/a.txt': 'served\n' });
  for (const one of [free, confined])
    one.write({
      // Run by root, its workers would become a user who cannot enter the place.
      'nginx.conf': `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid ${one.project}/nginx.pid; error_log stderr crit; worker_processes 2;
events {} http { access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
server { listen 127.0.0.1:${port}; root ${one.project}/www; } }`,
    });
  const ran = await alike(free, confined, policy(port), 'sh', '-c', script);
  assert.equal(ran.stdout, 'served\n');
});

test('sqlite3 fills and checks a big file', { ...live, ...needPackage('sqlite3', 'sqlite3') }, async (t) => {
  const [free, confined] = twins(t);
  const sql = `PRAGMA journal_mode=WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 200000) INSERT INTO t SELECT n, hex(n) || 'xxxxxxxxxxxxxxxxxxxxxxxx' FROM c;
CREATE INDEX i ON t(b); DELETE FROM t WHERE a % 3 = 0; VACUUM; PRAGMA integrity_check; SELECT count(*), sum(length(b)) FROM t;`;
  const ran = await alike(free, confined, policy(), 'sqlite3', 'big.db', sql);
  assert.match(ran.stdout, /ok\n133334\|/);
});

test('shell tools: tar, find, grep, sed in place, links, permissions, times', live, async (t) => {
  const [free, confined] = twins(t, { 'a/b/c.txt': 'one\ntwo\n', 'a/d.txt': 'two\n' });
  await alike(
    free,
    confined,
    policy(),
    'bash',
    '-c',
    `set -e; tar -cf t.tar a; mkdir x; tar -xf t.tar -C x; sed -i s/two/2/ x/a/d.txt; ln -s a l; ln a/d.txt hard
chmod 600 a/d.txt; touch -d 2020-01-01 a/d.txt; stat -c '%a %y %h' a/d.txt; grep -rn two a x | sort; find . -name '*.txt' | sort
mkfifo p; (echo through > p &) ; cat p; readlink l; rm -r x; test -e .env && echo there; ls -A | sort; umask 077; mkdir m; stat -c %a m
dd if=/dev/zero of=z bs=1k count=64 status=none; truncate -s 100 z; stat -c %s z; mktemp -d >/dev/null; exec 3<>a/d.txt; cat <&3`,
  );
});
