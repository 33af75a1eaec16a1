// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of the format
/** The official Landlock configuration: reading, writing, composing, and meaning the same as a policy. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import {
  loadLandlockConfigs,
  loadLandlockDirectory,
} from '../../packages/landward/src/launch/landlock-config.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { isBelow } from '../../packages/landward/src/model/paths.ts';
import {
  composeConfigs,
  fsGroup,
  type LandlockConfig,
  sortedMap,
} from '../../packages/landward/src/policy/landlock-config/config.ts';
import {
  configOfPolicy,
  policyOfConfig,
} from '../../packages/landward/src/policy/landlock-config/convert.ts';
import {
  expandPaths,
  expandTemplate,
  readLandlockConfig,
} from '../../packages/landward/src/policy/landlock-config/read.ts';
import { writeLandlockConfig } from '../../packages/landward/src/policy/landlock-config/write.ts';
import {
  ABI_LADDER,
  FS_RIGHTS,
  type FsRight,
  NET_RIGHTS,
  type NetRight,
} from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask, fsRights, netMask, scopeMask } from '../../packages/landward/src/uapi/masks.ts';
import { errorsOf, resolveText, shown } from '../kit/policy-text.ts';

const fixtures = new URL('../fixtures/policies/landlock-config/', import.meta.url);
const fixture = (name: string) => readFile(new URL(name, fixtures), 'utf8');
const load = async (name: string) => readLandlockConfig(name, await fixture(name));

describe('golden files', () => {
  it('are read from TOML and JSON alike, and written in one form', async () => {
    const toml = await load('base.toml');
    assert.deepEqual(await load('base.json'), toml);
    assert.equal(writeLandlockConfig(toml, 'toml'), await fixture('base.expected.toml'));
    assert.deepEqual(await readLandlockConfig('x.json', writeLandlockConfig(toml, 'json')), toml);
  });

  it('compose: the lowest ABI, what all handle, what any allows', async () => {
    const composed = composeConfigs([await load('base.toml'), await load('narrow.toml')]);
    assert.equal(writeLandlockConfig(composed, 'toml'), await fixture('composed.expected.toml'));
  });

  it('expand variables into products and merge equal paths', async () => {
    const paths = expandPaths(await load('base.toml'));
    assert.deepEqual(
      [...paths.keys()],
      ['/lib/a', '/lib/b', '/price/$5', '/usr/bin', '/usr/lib/a', '/usr/lib/b'],
    );
    assert.deepEqual(fsRights(paths.get('/usr/bin')!), [
      'fs.execute',
      'fs.write_file',
      'fs.read_file',
      'fs.read_dir',
      'fs.refer',
      'fs.truncate',
    ]);
  });
});

describe('groups', () => {
  it('follow the ABI', () => {
    for (const { abi, fs } of ABI_LADDER.slice(1)) {
      assert.equal(fsGroup('abi.all', abi), fs);
      assert.equal(fsGroup('abi.read_write', abi), fs & ~1);
      assert.deepEqual(fsRights(fsGroup('abi.read_execute', abi)), [
        'fs.execute',
        'fs.read_file',
        'fs.read_dir',
        ...(abi >= 2 ? ['fs.refer'] : []),
      ]);
    }
  });

  it('of a newer ABI than landward knows are the newest', async () => {
    const config = await readLandlockConfig(
      'x.toml',
      'abi = 999\n[[ruleset]]\nhandled_access_fs = ["abi.all"]\nhandled_access_net = ["abi.all"]\nscoped = ["abi.all"]',
    );
    assert.deepEqual([config.handledFs, config.handledNet, config.scoped], [0x1ffff, 0xf, 3]);
  });

  it('add the rights of rules to what is handled', async () => {
    const config = await readLandlockConfig(
      'x.toml',
      '[[path_beneath]]\nallowed_access = ["read_file"]\nparent = ["/a"]\n[[net_port]]\nallowed_access = ["bind_udp"]\nport = [53]',
    );
    assert.deepEqual(
      [config.handledFs, config.handledNet],
      [fsMask('fs.read_file'), netMask('net.bind_udp')],
    );
  });
});

describe('broken configurations', () => {
  const cases: readonly [string, RegExp][] = [
    ['', /^1:1 A configuration has variable, ruleset, path_beneath or net_port/],
    ['abi = 6', /^1:1 A configuration has variable/],
    ['abi = 0\n[[ruleset]]\nscoped = ["signal"]', /^1:7 This must be a whole number from 1/],
    ['extra = 1\n[[ruleset]]\nscoped = ["signal"]', /^1:1 The key 'extra' does not exist here/],
    ['ruleset = []', /^1:11 This list must not be empty/],
    ['[[ruleset]]', /^1:3 A ruleset has handled_access_fs/],
    ['[[ruleset]]\nhandled_access_fs = []', /^2:21 This list must not be empty/],
    ['[[ruleset]]\nhandled_access_fs = ["abi.all"]', /^2:22 The group 'abi.all' depends on an ABI/],
    ['[[ruleset]]\nhandledAccessFs = ["execute"]', /^2:1 The key 'handledAccessFs' does not exist here/],
    ['[[ruleset]]\nhandled_access_fs = ["fs.execute"]', /^2:22 The value 'fs.execute' does not exist here/],
    ['[[path_beneath]]\nallowed_access = ["execute"]', /^1:3 The key 'parent' is missing here/],
    ['[[path_beneath]]\nallowed_access = ["execute"]\nparent = ["${x}"]', /^3:11 There is no variable 'x'/],
    ['[[path_beneath]]\nallowed_access = ["execute"]\nparent = ["/a$"]', /^3:11 A dollar begins a variable/],
    ['[[variable]]\nname = "1x"\nliteral = ["a"]', /^2:8 This must be a letter/],
    ['[[net_port]]\nallowed_access = ["bind_tcp"]\nport = [-1]', /^3:9 This must be a whole number from 0/],
  ];
  for (const [text, expected] of cases) {
    it(JSON.stringify(text).slice(0, 60), async () => {
      const errors = await errorsOf(readLandlockConfig('x.toml', text));
      assert.match(shown(errors[0]!), expected);
    });
  }

  it('end in nothing but an error of landward, whatever the bytes', async () => {
    const seeds = [await fixture('base.toml'), await fixture('base.json')];
    const edits = fc.array(
      fc.tuple(
        fc.nat(900),
        fc.nat(4),
        fc.constantFrom('[', ']', '"', '${', '$', '\0', '=', '{', 'abi.all', '9', ','),
      ),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0, 1), edits, async (index, changes) => {
        const text = changes.reduce(
          (rest, [at, drop, insert]) => rest.slice(0, at) + insert + rest.slice(at + drop),
          seeds[index]!,
        );
        try {
          await readLandlockConfig(index === 0 ? 'x.toml' : 'x.json', text);
        } catch (error) {
          if (!(error instanceof LandwardError)) throw error;
        }
      }),
      { seed: 1, numRuns: 800 },
    );
  });
});

describe('several files', () => {
  it('of a directory compose, hidden ones and other formats left out', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'landward-configs-'));
    try {
      await assert.rejects(loadLandlockDirectory(directory, 'toml'), { code: 'POLICY_NOT_FOUND' });
      await assert.rejects(loadLandlockConfigs([]), { code: 'POLICY_NOT_FOUND' });
      await assert.rejects(loadLandlockConfigs([join(directory, 'nope.toml')]), { code: 'POLICY_NOT_FOUND' });
      for (const name of ['base.toml', 'narrow.toml'])
        await writeFile(join(directory, name), await fixture(name));
      await writeFile(join(directory, '.hidden.toml'), 'not = [');
      await writeFile(join(directory, 'other.json'), 'nor this');
      const composed = await loadLandlockDirectory(directory, 'toml');
      assert.deepEqual(composed, composeConfigs([await load('base.toml'), await load('narrow.toml')]));
      assert.deepEqual(
        await loadLandlockConfigs([join(directory, 'narrow.toml'), join(directory, 'base.toml')]),
        composed,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

const mask = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const template = fc.constantFrom('/a', '/a/b', '/c', '${x}', '/d/${x}', '/$$');
const config: fc.Arbitrary<LandlockConfig> = fc
  .record({
    abi: fc.option(fc.integer({ min: 1, max: 11 }), { nil: undefined }),
    fs: mask(17),
    net: mask(4),
    scoped: mask(2),
    x: fc.subarray(['/x', '/y', '/a'], { minLength: 1 }),
    paths: fc.dictionary(template, mask(17), { maxKeys: 4 }),
    ports: fc.dictionary(fc.constantFrom('0', '80', '443', '65535'), mask(4), { maxKeys: 3 }),
  })
  .map(({ abi, fs, net, scoped, x, paths, ports }) => {
    const given = <T>(entries: [T, number][]) => entries.filter(([, value]) => value !== 0);
    const byPath = given(Object.entries(paths));
    const byPort = given(
      Object.entries(ports).map(([port, value]): [number, number] => [Number(port), value]),
    );
    return {
      abi,
      handledFs: byPath.reduce((all, [, value]) => all | value, fs),
      handledNet: byPort.reduce((all, [, value]) => all | value, net),
      scoped,
      variables: sortedMap([['x', x.toSorted()] as const]),
      paths: sortedMap(byPath),
      ports: sortedMap(byPort),
    };
  });

describe('composing', () => {
  it('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(config, config, config, (a, b, c) => {
        assert.deepEqual(composeConfigs([a, b]), composeConfigs([b, a]));
        assert.deepEqual(
          composeConfigs([composeConfigs([a, b]), c]),
          composeConfigs([a, composeConfigs([b, c])]),
        );
        assert.deepEqual(composeConfigs([a, a]), a);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('never handles more than each, and never denies what one allows', () => {
    fc.assert(
      fc.property(config, config, (a, b) => {
        const both = composeConfigs([a, b]);
        assert.equal(both.handledFs & ~(a.handledFs & b.handledFs), 0);
        for (const [path, allowed] of expandPaths(a)) {
          const there = expandPaths(both).get(path) ?? 0;
          assert.equal(allowed & both.handledFs & ~there, 0);
        }
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe('writing', () => {
  it('is the inverse of reading', async () => {
    await fc.assert(
      fc.asyncProperty(config, fc.constantFrom('toml' as const, 'json' as const), async (value, format) => {
        assert.deepEqual(await readLandlockConfig('x', writeLandlockConfig(value, format), format), value);
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  it('expands templates as a naive reading does', () => {
    const variables = new Map([
      ['x', ['1', '2']],
      ['y', ['$']],
    ]);
    assert.deepEqual(expandTemplate('a${x}b${y}${x}', variables), ['a1b$1', 'a1b$2', 'a2b$1', 'a2b$2']);
    assert.deepEqual(expandTemplate('$$${x}$$', variables), ['$1$', '$2$']);
    assert.match(String(expandTemplate('${x}'.repeat(13), variables)), /multiply to more than 4096/);
  });
});

describe('as a policy', () => {
  it('a port that does not exist is left out, and said', async () => {
    const read = await readLandlockConfig(
      'x.json',
      '{"netPort": [{"allowedAccess": ["connect_tcp"], "port": [443, 65535, 65536, 70000]}]}',
    );
    const { layers, notes } = policyOfConfig(read, 'x.json', '/');
    const ports = layers[0]!.rules.flatMap((rule) =>
      rule.kind === 'net' && rule.ports.first === rule.ports.last ? [rule.ports.first] : [],
    );
    assert.deepEqual(ports, [443, 65535]);
    assert.deepEqual(
      notes?.map(({ text }) => text.slice(0, 25)),
      ['There is no port 65536: i', 'There is no port 70000: i'],
    );
  });

  it('a configuration means what Landlock makes of it', () => {
    const rights = Object.keys(FS_RIGHTS) as FsRight[];
    fc.assert(
      fc.property(config, fc.constantFrom('/a', '/a/b', '/x/q', '/d/y/z', '/e', '/$'), (value, base) => {
        const policy = policyOfConfig(value, 'x', '/base');
        const path = `${base}/file`;
        for (const right of rights) {
          const bit = fsMask(right);
          const granted = [...expandPaths(value)].some(
            ([parent, allowed]) =>
              (allowed & bit) !== 0 &&
              isBelow(path, parent.startsWith('/') ? parent.replaceAll('//', '/') : `/base/${parent}`),
          );
          const expected = (value.handledFs & bit) === 0 || granted ? 'allow' : 'deny';
          assert.equal(
            decideRules(policy.layers, { kind: 'path', path, rights: [right] }).verdict,
            expected,
            `${right} ${path}`,
          );
        }
        for (const right of Object.keys(NET_RIGHTS) as NetRight[]) {
          for (const port of [0, 80, 443, 7, 65535]) {
            const expected =
              (value.handledNet & netMask(right)) === 0 ||
              ((value.ports.get(port) ?? 0) & netMask(right)) !== 0
                ? 'allow'
                : 'deny';
            assert.equal(decideRules(policy.layers, { kind: 'net', right, port }).verdict, expected);
          }
        }
        for (const scope of ['scope.signal', 'scope.abstract_unix_socket'] as const) {
          assert.equal(
            decideRules(policy.layers, { kind: 'scope', scope }).verdict,
            (value.scoped & scopeMask(scope)) === 0 ? 'allow' : 'deny',
          );
        }
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it('survives the way there and back', () => {
    fc.assert(
      fc.property(config, (value) => {
        const { config: back } = configOfPolicy(policyOfConfig(value, 'x', '/'));
        assert.equal(back.handledNet, value.handledNet);
        assert.equal(back.scoped, value.scoped);
        const again = policyOfConfig(back, 'y', '/');
        const first = policyOfConfig(value, 'x', '/');
        for (const path of ['/a/f', '/a/b/f', '/x/f', '/zz']) {
          for (const right of ['fs.read_file', 'fs.execute', 'fs.make_reg'] as const) {
            const asked = { kind: 'path', path, rights: [right] } as const;
            assert.equal(decideRules(again.layers, asked).verdict, decideRules(first.layers, asked).verdict);
          }
        }
      }),
      { seed: 6, numRuns: 200 },
    );
  });

  it('names what a policy loses', async () => {
    const policy = await resolveText(
      '[fs]\nread = ["/usr", "/a/*.txt"]\ndeny = ["/usr/x"]\n[net]\nconnect = ["tcp:a.example:443", "tcp:80-81"]\n[limits]\nprocs = 3\n[env]\npass = ["A"]',
    );
    const { config: found, lost } = configOfPolicy(policy);
    assert.deepEqual([...found.paths], [['/usr', fsMask('fs.read_file', 'fs.read_dir')]]);
    assert.deepEqual([...found.ports.keys()], [80, 81]);
    assert.deepEqual(lost, [
      'the allow of policy.toml:2 is a glob: the configuration is stricter without it',
      'the deny of policy.toml:3 has no words in the format: the configuration is wider where a grant covers it',
      'the allow of policy.toml:5 names a host: the configuration is stricter without it',
      'System call filters of [process] are not in the configuration: it is wider',
      '[env] is not in the configuration: it is wider',
      '[limits] is not in the configuration: it is wider',
    ]);
  });
});
