/**
 * The presets for programs of the system, each with the real program: what it is for works, and a secret in home that the
 * same program reads without landward stays closed.
 */

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChildResult } from '../kit/child.ts';
import { needPackage } from '../kit/debian.ts';
import { needs } from '../kit/needs.ts';
import { place, SECRET, serve } from '../kit/places.ts';

const live = needs({ abi: 6 });

function works(result: ChildResult): void {
  assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
}

function stole(result: ChildResult): boolean {
  return `${result.stdout}${result.stderr}`.includes(SECRET);
}

test('@base: time zone, name lookup files, random numbers and nothing of home', live, async (t) => {
  const { confined, free, secret } = place(t, { TZ: 'Asia/Tokyo' });
  const policy = {
    extends: ['@base'],
    fs: { exec: ['/usr/bin/date', '/usr/bin/getent', '/usr/bin/head', '/usr/bin/cat'] },
  };
  const date = await confined(policy, 'date', '+%Z');
  works(date);
  assert.equal(date.stdout.trim(), 'JST');
  works(await confined(policy, 'getent', 'passwd', 'root'));
  works(await confined(policy, 'getent', 'services', 'https'));
  const random = await confined(policy, 'head', '-c', '16', '/dev/urandom');
  works(random);
  assert.ok(random.stdout.length > 0);
  assert.ok(stole(await free('cat', secret)), 'the secret must be readable without landward');
  const theft = await confined(policy, 'cat', secret);
  assert.notEqual(theft.code, 0);
  assert.ok(!stole(theft));
});

test(
  '@shell: pipes, here-documents, redirection and the tools of the system',
  needs({ abi: 6, tools: ['bash', 'awk', 'perl'] }),
  async (t) => {
    const { confined, free, project, secret } = place(t);
    const policy = { extends: ['@shell'] };
    const script =
      'printf "b\\na\\n" | sort | awk \'{ print NR $1 }\' | sed s/1/x/ > /dev/null; cat <<END\nhere\nEND\nls / | head -3; perl -e "print 6*7"';
    for (const shell of ['sh', 'bash']) {
      const result = await confined(policy, shell, '-c', script);
      works(result);
      assert.match(result.stdout, /^here\n/);
      assert.match(result.stdout, /42$/);
    }
    const write = await confined(policy, 'sh', '-c', `echo x > ${project}/x`);
    assert.notEqual(write.code, 0, 'the preset does not open the project');
    assert.ok(!existsSync(join(project, 'x')));
    assert.ok(stole(await free('sh', '-c', `cat ${secret}`)));
    assert.ok(
      !stole(
        await confined(
          policy,
          'sh',
          '-c',
          `cat ${secret}; ls -la ${join(secret, '..')}; head -c 100 < ${secret}`,
        ),
      ),
    );
  },
);

test('@git: init, commit, and clone by HTTP', { ...live, ...needPackage('git', 'git') }, async (t) => {
  const { confined, free, project, secret } = place(t, {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.org',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.org',
  });
  const policy = { extends: ['@git'] };
  works(await confined(policy, 'git', 'init', '-q', 'one'));
  works(
    await confined(
      policy,
      'sh',
      '-c',
      'cd one && echo text > file && git add file && git commit -q -m first && git gc -q && git update-server-info',
    ),
  );
  const { port, url } = await serve(t, (request, response) => {
    const file = join(project, decodeURIComponent(new URL(request.url!, 'http://x').pathname));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  const online = { ...policy, net: { connect: [`tcp:${port}`] } };
  works(await confined(online, 'git', 'clone', '-q', `${url}/one/.git`, 'two'));
  assert.equal(readFileSync(join(project, 'two/file'), 'utf8'), 'text\n');
  const offline = await confined(policy, 'git', 'clone', '-q', `${url}/one/.git`, 'three');
  assert.notEqual(offline.code, 0, 'only port 443 is open');
  const steal = ['diff', '--no-index', '/dev/null', secret];
  assert.ok(stole(await free('git', ...steal)));
  assert.ok(!stole(await confined(policy, 'git', ...steal)));
});

test('@gcc: compile, link and run C and C++, and make', {
  ...live,
  ...needPackage('gcc', 'gcc'),
  ...needPackage('make', 'make'),
}, async (t) => {
  const { confined, free, write, secret } = place(t);
  write({
    'main.c':
      '#include <stdio.h>\n#include <math.h>\nint main(int argc, char **argv) { (void)argv; printf("%.0f\\n", sqrt(argc * 1764.0)); }\n',
    'main.cc':
      '#include <iostream>\n#include <vector>\nint main() { std::vector<int> v(42); std::cout << v.size() << std::endl; }\n',
    Makefile: 'all: c cc\nc: main.c\n\tgcc -O1 -flto -o c main.c -lm\ncc: main.cc\n\tg++ -o cc main.cc\n',
    'theft.c': `#include "${secret}"\n`,
  });
  const policy = { extends: ['@gcc'] };
  works(await confined(policy, 'make'));
  for (const program of ['./c', './cc']) {
    const run = await confined(policy, program);
    works(run);
    assert.equal(run.stdout, '42\n');
  }
  assert.ok(stole(await free('gcc', '-E', 'theft.c')));
  assert.ok(!stole(await confined(policy, 'gcc', '-E', 'theft.c')));
});

test('@curl: fetch by HTTP from the ports that are open', {
  ...live,
  ...needPackage('curl', 'curl'),
}, async (t) => {
  const { confined, free, secret } = place(t);
  const { port, url } = await serve(t, (_request, response) => response.end('page'));
  const policy = { extends: ['@curl'], net: { connect: [`tcp:${port}`] } };
  const page = await confined(policy, 'curl', '-sS', url);
  works(page);
  assert.equal(page.stdout, 'page');
  const closed = await confined({ extends: ['@curl'] }, 'curl', '-sS', url);
  assert.equal(closed.code, 7, 'other ports stay closed');
  works(await confined(policy, 'curl', '--version'));
  assert.ok(stole(await free('curl', '-sS', `file://${secret}`)));
  assert.ok(!stole(await confined(policy, 'curl', '-sS', `file://${secret}`)));
});

test('@imagemagick: convert one image', {
  ...live,
  ...needPackage('imagemagick', 'convert-im6.q16'),
}, async (t) => {
  const { confined, free, write, home, project, secret } = place(t);
  write({ 'in.pnm': 'P3 2 2 255 255 0 0 0 255 0 0 0 255 9 9 9\n' });
  const policy = {
    extends: ['@imagemagick'],
    fs: { read: ['$project/in.pnm'], write: [{ path: '$project/out', missing: 'create' as const }] },
  };
  const convert = '/usr/bin/convert';
  works(await confined(policy, convert, 'in.pnm', '-resize', '8x8', 'out/out.png'));
  assert.equal(readFileSync(join(project, 'out/out.png')).subarray(1, 4).toString(), 'PNG');
  const stray = await confined(policy, convert, 'in.pnm', 'stray.png');
  assert.notEqual(stray.code, 0);
  assert.ok(!existsSync(join(project, 'stray.png')));
  const photo = join(home, 'photo.pnm');
  writeFileSync(photo, readFileSync(join(project, 'in.pnm')));
  works(await free(convert, photo, join(project, 'out/free.png')));
  const theft = await confined(policy, convert, photo, 'out/theft.png');
  assert.notEqual(theft.code, 0, 'an image of home stays closed');
  assert.ok(!existsSync(join(project, 'out/theft.png')));
  assert.ok(
    !stole(
      await confined(policy, convert, '-size', '400x40', `label:@${secret}`, '-format', '%[label]', 'info:-'),
    ),
  );
});

test('@nginx: serve a page, and nothing of home', {
  ...live,
  ...needPackage('nginx-light', 'nginx'),
}, async (t) => {
  const { confined, write, home, project, secret } = place(t);
  const { port: free, url: backend } = await serve(t, (_request, response) => response.end('backend'));
  const port = await freePort();
  write({
    'www/index.html': 'served\n',
    'nginx.conf': `daemon off; master_process off; pid ${project}/run/pid; error_log ${project}/run/error.log;
events {}
http { access_log off; client_body_temp_path ${project}/run/body; proxy_temp_path ${project}/run/proxy; fastcgi_temp_path ${project}/run/fastcgi;
uwsgi_temp_path ${project}/run/uwsgi; scgi_temp_path ${project}/run/scgi;
server { listen 127.0.0.1:${port}; root ${project}/www; location /home/ { alias ${home}/; } location /back { proxy_pass ${backend}; } } }\n`,
    'run/keep': '',
  });
  const policy = {
    extends: ['@nginx'],
    fs: { read: ['$project/www', '$project/nginx.conf'], write: ['$project/run'] },
    net: { listen: [`tcp:${port}`] },
    limits: { time: '60s' },
  };
  const run = confined(policy, 'nginx', '-c', join(project, 'nginx.conf'));
  try {
    const base = `http://127.0.0.1:${port}`;
    assert.equal(await (await waitFor(`${base}/`)).text(), 'served\n');
    const theft = await fetch(`${base}/home/.ssh/id_ed25519`);
    assert.equal(theft.status, 403);
    assert.equal((await fetch(`${base}/back`)).status, 502, `connecting to port ${free} is not allowed`);
    assert.ok(readFileSync(secret, 'utf8').includes(SECRET));
  } finally {
    process.kill(Number(readFileSync(join(project, 'run/pid'), 'utf8')), 'SIGTERM');
    await run;
  }
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((found) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => found(port));
    });
  });
}

async function waitFor(url: string): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetch(url);
    } catch (error) {
      if (attempt === 200) throw error;
      await new Promise((later) => setTimeout(later, 50));
    }
  }
}
