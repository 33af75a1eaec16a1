/**
 * Denies below a grant, held by their siblings on the running kernel: what the shell, moves, links and replacements can
 * still reach, with a run without landward as the control.
 */

import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compile } from '../../packages/landward/src/launch/compile.ts';
import { planHost } from '../../packages/landward/src/launch/host.ts';
import { needs } from '../kit/needs.ts';
import { place, SECRET, serve } from '../kit/places.ts';

const live = needs({ abi: 6 });

test(
  'a denied file in a granted project cannot be read by any name that the program can make',
  live,
  async (t) => {
    const { confined, free, write, project } = place(t);
    write({ '.env': SECRET, 'src/main.c': 'main\n', 'lib/a': 'a\n', README: 'readme\n' });
    symlinkSync('.env', join(project, 'alias'));
    const policy = {
      extends: ['@shell'],
      fs: { write: ['$project'], deny: [{ path: '$project/.env', expand: true }] },
    };
    const attacks = [
      'cat .env',
      'cat alias',
      'cat ./src/../.env',
      'cat /proc/self/cwd/.env',
      'mv .env x; cat x',
      'ln .env x; cat x',
      'ln .env src/x; cat src/x',
      'mv .env src/x; cat src/x',
      'ln -s ../.env src/l; cat src/l',
      'cp .env src/x; cat src/x',
      'mv src .env; cat .env/main.c x 2>&1; cat .env',
      'rm -f .env; cat .env',
      'echo x > .env; cat .env',
      'exec 3<>.env; cat <&3',
    ];
    for (const script of attacks) {
      const result = await confined(policy, 'sh', '-c', script);
      assert.ok(!`${result.stdout}${result.stderr}`.includes(SECRET), script);
      assert.equal(readFileSync(join(project, '.env'), 'utf8'), SECRET, script);
      assert.ok(existsSync(join(project, 'src/main.c')), script);
    }
    const work = await confined(
      policy,
      'sh',
      '-c',
      'ls . && cat README && echo new > src/new && mv src/new lib/new && cat lib/new && rm lib/new && ls src lib',
    );
    assert.equal(work.code, 0, work.stderr);
    assert.match(work.stdout, /\.env|README/);
    const beside = await confined(policy, 'sh', '-c', 'echo x > new');
    assert.notEqual(
      beside.code,
      0,
      'in the directory of the denied file nothing can be made, as the report says',
    );
    assert.ok((await free('sh', '-c', 'ln .env x && cat x')).stdout.includes(SECRET), 'the control reads it');
  },
);

test('a denied directory, a glob, and a second name of a denied file', live, async (t) => {
  const { confined, write, project } = place(t);
  write({
    'secrets/key': SECRET,
    'app/.env': SECRET,
    'app/main': 'main\n',
    'app/deep/.env.local': SECRET,
    'app/deep/code': 'code\n',
    top: 'top\n',
  });
  linkSync(join(project, 'app/.env'), join(project, 'innocent'));
  const policy = {
    extends: ['@shell'],
    fs: { write: ['$project'], deny: [{ path: ['$project/secrets', '$project/**/.env*'], expand: true }] },
  };
  const plan = await compile(policy, { cwd: project, keepGaps: true });
  assert.deepEqual(plan.gaps, []);
  assert.ok(plan.report.stricter.some((line) => line.includes('innocent') && line.includes('same object')));
  for (const script of [
    'cat secrets/key',
    'ls secrets',
    'mv secrets x; cat x/key',
    'mv secrets app/x; cat app/x/key',
    'cat app/.env',
    'cat app/deep/.env.local',
    'cat innocent',
    'mv app/deep app/x; cat app/x/.env.local',
    'tar cf - . | strings',
  ]) {
    const result = await confined(policy, 'sh', '-c', script);
    assert.ok(!`${result.stdout}${result.stderr}`.includes(SECRET), script);
  }
  const work = await confined(policy, 'sh', '-c', 'cat top app/main app/deep/code');
  assert.equal(work.stdout, 'top\nmain\ncode\n');
});

test('sockets that no rule allows cannot be made, on any ABI', live, async (t) => {
  const { confined, free, tmp } = place(t);
  const { port } = await serve(t, (_request, response) => response.end('page'));
  const policy = { extends: ['@node'], net: { connect: [`tcp:${port}`] } };
  const probe = (code: string) => ['node', '-e', code] as const;
  const probes = {
    udp: `const s = require('node:dgram').createSocket('udp4'); s.on('error', (e) => { console.log(e.code); process.exit(); }); s.bind(0, () => { console.log('open'); s.close(); });`,
    listen: `require('node:net').createServer().on('error', (e) => console.log(e.code)).listen(0, '127.0.0.1', function () { console.log('open'); this.close(); });`,
    unix: `require('node:net').createServer().on('error', (e) => console.log(e.code)).listen(${JSON.stringify(join(tmp, 's'))}, function () { console.log('open'); this.close(); });`,
  };
  for (const [name, code] of Object.entries(probes)) {
    assert.equal((await free(...probe(code))).stdout, 'open\n', name);
    const closed = await confined(policy, ...probe(code));
    assert.match(closed.stdout, /^(EACCES|EPERM)\n$/, `${name}: ${closed.stderr}`);
  }
  const page = await confined(
    policy,
    ...probe(`fetch('http://127.0.0.1:${port}').then((r) => r.text()).then(console.log)`),
  );
  assert.equal(page.stdout, 'page\n');
});

test(
  'a policy file that the program could rewrite is refused by the kernel alone, and held by the supervisor',
  live,
  async (t) => {
    const { project, home } = place(t);
    mkdirSync(join(project, 'policy'));
    const file = join(project, 'policy/own.toml');
    writeFileSync(file, 'extends = ["@shell"]\n[fs]\nwrite = ["$project"]\n');
    const options = { cwd: project, env: { HOME: home } };
    const alone = { ...options, host: { ...planHost(), supervisor: false } };
    await assert.rejects(compile(file, alone), { code: 'POLICY_GAP', message: /self.*own\.toml/s });
    const { supervisor } = await compile(file, { ...options, host: { ...planHost(), supervisor: true } });
    assert.deepEqual(supervisor?.closes, ['self']);
    writeFileSync(file, 'extends = ["@shell"]\n[fs]\nread = ["$project"]\n');
    await compile(file, options);
  },
);
