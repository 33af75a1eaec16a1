/** What strings in policies mean: paths, globs, variables, targets, sockets, units; and the spellings that are refused. */

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readIpv4, readIpv6 } from '../../packages/landward/src/policy/address.ts';
import { envMatches, narrowEnv } from '../../packages/landward/src/policy/env-glob.ts';
import { isRefusal } from '../../packages/landward/src/policy/expand.ts';
import { readTarget, writeTarget } from '../../packages/landward/src/policy/net-text.ts';
import { pathPattern } from '../../packages/landward/src/policy/path-text.ts';
import {
  readDuration,
  readSize,
  writeDuration,
  writeSize,
} from '../../packages/landward/src/policy/units.ts';
import { errorsOf, resolveText, shown, VARIABLES, type World } from '../kit/policy-text.ts';

async function patterns(texts: readonly string[], world: World = {}) {
  const policy = await resolveText(
    `[fs]\nread = [${texts.map((text) => JSON.stringify(text)).join(', ')}]`,
    world,
  );
  return policy.layers[0]!.rules.map((rule) => (rule.kind === 'path' ? rule.pattern : rule));
}
const subtree = (path: string) => ({ kind: 'subtree', path });
const glob = (path: string, text: string) => ({ kind: 'glob', path, glob: text });

describe('paths', () => {
  const cases: readonly [string, object][] = [
    ['/', subtree('/')],
    ['/a//b/./c/', subtree('/a/b/c')],
    ['~', subtree('/home/u')],
    ['~/.ssh', subtree('/home/u/.ssh')],
    ['$project/dist', subtree('/home/u/p/dist')],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the policy's own variables
    ['${runtime}x', subtree('/run/user/1000x')],
    ['/run/user/$uid', subtree('/run/user/1000')],
    ['/price/$$5', subtree('/price/$5')],
    ['/a/**', subtree('/a')],
    ['/a/**/**', subtree('/a')],
    ['/**', subtree('/')],
    ['/a\\*b/\\$x', subtree('/a*b/$x')],
    ['/a/*.txt', glob('/a', '/a/*.txt/**')],
    ['$project/**/.env*', glob('/home/u/p', '/home/u/p/**/.env*/**')],
    ['/a/{b,c/d}/e', glob('/a', '/a/{b,c/d}/e/**')],
    ['/a/[!x]?/**', glob('/a', '/a/[!x]?/**')],
    ['/a\\*/b*', glob('/a*', '/a\\*/b*/**')],
  ];
  for (const [text, expected] of cases) {
    it(text, async () => assert.deepEqual(await patterns([text]), [expected]));
  }

  it('reads plain paths as it reads those with something to leave out', () => {
    const character = fc.constantFrom('a', 'b', '.', '/', '*', '?', '[', ']', '{', '}', ',', '!', '\\', 'é');
    const piece = fc.record({ text: fc.string({ unit: character, maxLength: 8 }), literal: fc.boolean() });
    const stripped = (result: object) =>
      JSON.parse(JSON.stringify(result), (key, value) => (key === 'refused' || key === 'fix' ? true : value));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 3 }), fc.boolean(), (pieces, exact) => {
        const root = { text: '/', literal: true };
        const read = pathPattern([root, ...pieces], exact);
        const slow = pathPattern([{ text: '/.', literal: true }, root, ...pieces], exact);
        assert.deepEqual(stripped(read), stripped(slow));
      }),
      { seed: 20, numRuns: 3000 },
    );
  });

  it('takes the text of system variables literally', async () => {
    const world = { variables: { project: '/srv/[x]*{a,b}' } };
    assert.deepEqual(await patterns(['$project/src'], world), [subtree('/srv/[x]*{a,b}/src')]);
    assert.deepEqual(await patterns(['$project/*.c'], world), [
      glob('/srv/[x]*{a,b}', '/srv/\\[x\\]\\*\\{a\\,b\\}/*.c/**'),
    ]);
  });

  const refused: readonly [string, RegExp][] = [
    ['a', /^2:9 A path is absolute, 'a' is not$/],
    ['./a', /A path is absolute/],
    ['**/x', /A path is absolute/],
    ['/a/../b', /has no '\.\.'/],
    ['$project/..', /has no '\.\.'/],
    ['~root/x', /The home of another user is not known/],
    ['/a/$nope', /There is no variable 'nope'/],
    ['/a/${nope', /A dollar begins a variable/],
    ['/a$', /A dollar begins a variable/],
    ['/a\\', /A backslash stands before/],
    ['/a/[b', /Glob has a "\[" without its "\]"/],
    ['/a/{b', /Glob has a "\{" without its "\}"/],
    ['/a/b}*', /Glob has a "\}" without its "\{"/],
    ['/a/**b', /'\*\*' stands alone between slashes/],
    [`/${'{a,b}'.repeat(20)}`, /Glob has more than 256 alternatives/],
    [`/${'x'.repeat(256)}`, /A name in a path has at most 255 bytes/],
    [`/${'é'.repeat(128)}`, /A name in a path has at most 255 bytes/],
    [`/${'x/'.repeat(2100)}`, /A path has fewer than 4096 bytes/],
  ];
  for (const [text, expected] of refused) {
    it(`refuses ${text.slice(0, 30)}`, async () => {
      const errors = await errorsOf(patterns([text]));
      assert.equal(errors.length, 1);
      assert.match(shown(errors[0]!), expected);
      assert.match(shown(errors[0]!), /^2:9 /);
    });
  }
});

describe('variables', () => {
  it('multiply, in every combination', async () => {
    const text = '[vars]\na = ["x", "y"]\nb = ["1", "$a"]\n[fs]\nread = ["/$a/$b"]';
    const policy = await resolveText(text);
    const paths = policy.layers[0]!.rules.map((rule) => rule.kind === 'path' && rule.pattern.path);
    assert.deepEqual(paths, ['/x/1', '/x/x', '/x/y', '/y/1', '/y/x', '/y/y']);
  });

  it('keep the globs that they were written with', async () => {
    const policy = await resolveText('[vars]\nsecret = "$project/**/.env*"\n[fs]\ndeny = ["$secret"]');
    const rule = policy.layers[0]!.rules[0]!;
    assert.deepEqual(rule.kind === 'path' && rule.pattern, glob('/home/u/p', '/home/u/p/**/.env*/**'));
  });

  const refused: readonly [string, RegExp][] = [
    ['[vars]\nhome = "/x"', /2:1 The variable 'home' belongs to the system/],
    ['[vars]\na = "$b"\nb = "$a"', /needs itself: a -> b -> a/],
    ['[vars]\na = []', /2:5 This list must not be empty/],
    ['[vars]\n"a b" = "x"', /2:1 The name 'a b' must be a letter/],
    [
      `[vars]\na = [${Array.from({ length: 70 }, (_, i) => `"${i}"`).join()}]\n[fs]\nread = ["/$a/$a"]`,
      /4:9 The variables of this text multiply to more than 4096 texts/,
    ],
  ];
  for (const [text, expected] of refused) {
    it(`refuses ${text.slice(7, 30)}`, async () => {
      const errors = await errorsOf(resolveText(text));
      assert.ok(
        errors.some((error) => expected.test(shown(error))),
        errors.map(shown).join('\n'),
      );
    });
  }
});

describe('targets', () => {
  const accepted: readonly [string, string?][] = [
    ['tcp:443'],
    ['tcp:*'],
    ['udp:8000-8010'],
    ['tcp:api.example.com:443'],
    ['tcp:API.Example.COM.:443', 'tcp:api.example.com:443'],
    ['tcp:*.example.com'],
    ['tcp:xn--bcher-kva.de:443'],
    ['udp:192.0.2.0/24:53'],
    ['tcp:192.0.2.7:5432'],
    ['tcp:192.0.2.7/32:5432', 'tcp:192.0.2.7:5432'],
    ['tcp:[::1]:8080'],
    ['tcp:[2001:DB8:0:0::]/32:443', 'tcp:[2001:db8::]/32:443'],
    ['tcp:*:80', 'tcp:80'],
    ['loopback'],
    ['tcp:link-local:80-90'],
    ['*:*'],
    ['localhost'],
  ];
  for (const [text, written] of accepted) {
    it(`reads ${text}`, () => {
      const target = readTarget(text);
      assert.ok(!isRefusal(target), JSON.stringify(target));
      assert.equal(writeTarget(target), written ?? text);
      assert.deepEqual(readTarget(writeTarget(target)), target);
    });
  }

  const refused = [
    ...[
      '443',
      '',
      'tcp:',
      'tcp:70000',
      'tcp:65536',
      'tcp:00443',
      'tcp:-1',
      'tcp:90-80',
      'tcp:1-',
      'tcp:x:y',
      'tcp:a:b:443',
    ],
    ...[
      'tcp:user@host:443',
      'tcp:host\0.example.com:443',
      'tcp:bücher.de:443',
      'tcp:http://x',
      'tcp:a b:1',
      'tcp:ho\u200bst:1',
    ],
    ...[
      'tcp:0177.0.0.1:80',
      'tcp:0x7f.0.0.1:80',
      'tcp:0x7f000001:80',
      'tcp:2130706433:80',
      'tcp:127.1:80',
      'tcp:1.2.3:80',
      'tcp:1.2.3.256:80',
      'tcp:01.2.3.4:80',
      'tcp:1.2.3.4.:80',
    ],
    ...[
      'tcp:::1:80',
      'tcp:[::1:80',
      'tcp:[::1%eth0]:80',
      'tcp:[::ffff:127.0.0.1]:80',
      'tcp:[::ffff:7f00:1]:80',
      'tcp:[1:2:3:4:5:6:7]:80',
      'tcp:[::g]:80',
      'tcp:[1::2::3]:80',
    ],
    ...[
      'tcp:192.0.2.1/24:53',
      'tcp:192.0.2.0/33:53',
      'tcp:192.0.2.0/:53',
      'tcp:[2001:db8::1]/32:53',
      'tcp:example.com/24:53',
    ],
    ...[
      'tcp:*x.example.com:1',
      'tcp:a.*.com:1',
      'tcp:-a.com:1',
      `tcp:${'a'.repeat(64)}.com:1`,
      `tcp:${'a.'.repeat(130)}com:1`,
      'tcp:..:1',
      'tcp:example.0x7f:1',
      'sctp:443',
      'icmp:x:y',
    ],
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text).slice(0, 40)}`, () => {
      const result = readTarget(text);
      assert.ok(isRefusal(result), JSON.stringify(result));
      assert.match(result.refused, /^['A-Z].*[^.]$/);
    });
  }

  it('wants a protocol of a grant, and takes both for a denial', async () => {
    const [error] = await errorsOf(resolveText('[net]\nconnect = ["loopback"]'));
    assert.equal(shown(error!), "2:12 A grant names its protocol, 'loopback' names none");
    const policy = await resolveText(
      '[net]\ndeny = ["loopback", { target = "tcp:22", rights = ["connect"] }]',
    );
    const rights = policy.layers[0]!.rules.map((rule) => rule.kind === 'net' && rule.right);
    assert.deepEqual(rights, [
      'net.connect_tcp',
      'net.bind_tcp',
      'net.connect_send_udp',
      'net.bind_udp',
      'net.connect_tcp',
    ]);
  });

  it('judges addresses as the system does', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '',
        '0',
        '1',
        'ffff',
        '::',
        ':',
        '.',
        '127.0.0.1',
        'abcd',
        '1.2.3',
        '00',
        '255',
        '256',
        '01',
      ),
      fc.string({ maxLength: 2 }),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6(),
          fc.array(piece, { maxLength: 9 }).map((parts) => parts.join(':')),
          fc.array(piece, { maxLength: 5 }).map((parts) => parts.join('.')),
        ),
        (text) => {
          if (text.includes('%')) return;
          const family = readIpv4(text)?.family ?? readIpv6(text)?.family ?? 0;
          assert.equal(family, isIP(text), text);
        },
      ),
      { seed: 1, numRuns: 3000 },
    );
  });

  it('has one spelling for each IPv6 address', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 }),
        (groups) => {
          const address = readIpv6(groups.map((group) => group.toString(16)).join(':'))!;
          assert.equal(
            `[${address.text}]`,
            new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]/`).hostname,
          );
          assert.deepEqual(readIpv6(address.text), address);
        },
      ),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('sockets', () => {
  it('are paths or abstract names', async () => {
    const policy = await resolveText(
      '[unix]\nconnect = ["$runtime/bus", "@app-*", { path = "/run/x", exact = true }]\nlisten = ["@\\\\*"]',
    );
    assert.deepEqual(
      policy.layers[0]!.rules.map((rule) => rule.kind === 'unix' && [rule.operation, rule.target]),
      [
        ['connect', { kind: 'path', pattern: subtree('/run/user/1000/bus') }],
        ['connect', { kind: 'abstract', glob: 'app-*' }],
        ['connect', { kind: 'path', pattern: { kind: 'exact', path: '/run/x' } }],
        ['bind', { kind: 'abstract', glob: '\\*' }],
      ],
    );
  });

  for (const text of ['@', 'run/x', `@${'x'.repeat(108)}`, '@a[']) {
    it(`refuses ${text.slice(0, 20)}`, async () => {
      const errors = await errorsOf(resolveText(`[unix]\nconnect = [${JSON.stringify(text)}]`));
      assert.match(shown(errors[0]!), /^2:12 /);
    });
  }
});

describe('units', () => {
  it('are powers of 1024 and milliseconds', () => {
    assert.deepEqual(['0', '7', '1K', '512M', '4G', '1GiB', '2T'].map(readSize), [
      0,
      7,
      1024,
      512 * 2 ** 20,
      4 * 2 ** 30,
      2 ** 30,
      2 * 2 ** 40,
    ]);
    assert.deepEqual(
      ['1ms', '1s', '15m', '2h', '1d'].map(readDuration),
      [1, 1000, 900_000, 7_200_000, 86_400_000],
    );
    assert.equal(readSize('999999999T'), null);
  });

  it('are written as they are read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 }), (bytes) => readSize(writeSize(bytes)) === bytes),
      { seed: 3 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (ms) => readDuration(writeDuration(ms)) === ms),
      { seed: 4 },
    );
  });
});

describe('names of variables', () => {
  const name = fc.string({ unit: fc.constantFrom('A', 'B', '_'), maxLength: 5 });
  const pattern = fc.string({ unit: fc.constantFrom('A', 'B', '_', '*'), maxLength: 5 });

  it('match as a regular expression would', () => {
    fc.assert(
      fc.property(pattern, name, (glob, text) => {
        const expression = new RegExp(`^${glob.replaceAll('*', '.*')}$`);
        assert.equal(envMatches(glob, text), expression.test(text));
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  it('need what stands before and after a star, both', () => {
    assert.deepEqual(
      [envMatches('A*A', 'A'), envMatches('AB*BA', 'ABA'), envMatches('A*A', 'AA'), envMatches('*', '')],
      [false, false, true, true],
    );
  });

  it('are never more after narrowing', () => {
    const list = fc.array(pattern, { maxLength: 3 });
    fc.assert(
      fc.property(list, list, name, (pass, limit, text) => {
        const passes = (patterns: readonly string[]) => patterns.some((glob) => envMatches(glob, text));
        if (passes(narrowEnv(pass, limit))) assert.ok(passes(pass) && passes(limit));
      }),
      { seed: 6, numRuns: 3000 },
    );
    assert.deepEqual(narrowEnv(['PATH', 'LC_*', 'AWS_KEY'], ['*_KEY', 'LC_ALL', 'PATH']), [
      'AWS_KEY',
      'LC_ALL',
      'PATH',
    ]);
    assert.deepEqual(narrowEnv(null, ['PATH']), ['PATH']);
  });
});

describe('the variables of the tests', () => {
  it('cover every variable of the system', async () => {
    for (const variable of Object.keys(VARIABLES))
      await resolveText(`[fs]\nread = ["/x/$${variable}"]`.replace('$$', '$'));
  });
});
