/** Reading policy texts: positions, every class of broken text, TOML against another reader, fuzzing. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse as parseOther } from 'smol-toml';
import { LandwardError } from '../../packages/landward/src/errors.ts';
import { quote } from '../../packages/landward/src/policy/expand.ts';
import { readText } from '../../packages/landward/src/policy/read.ts';
import { MAX_BYTES } from '../../packages/landward/src/policy/source.ts';
import { tomlValue } from '../../packages/landward/src/policy/toml-write.ts';
import type { TreeNode } from '../../packages/landward/src/policy/tree.ts';
import { errorsOf, resolveInputs, resolveText, shown } from '../kit/policy-text.ts';

const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as never)));

describe('broken texts are refused whole, with a place', () => {
  const cases: readonly [name: string, text: string | Uint8Array, expected: RegExp, json?: boolean][] = [
    ['syntax', '[fs]\nread = ["/a"\nexec = []', /^3:1 This is not TOML/],
    ['an unclosed string', 'description = "x', /^1:\d+ This is not TOML/],
    ['a missing value', '[fs]\nread =', /^2:\d+ This is not TOML/],
    ['a duplicate key', '[fs]\nread = []\nread = []', /^3:1 This is not TOML: defining a key multiple times/],
    ['a duplicate table', '[fs]\n[net]\n[fs]', /^3:\d+ This is not TOML: defining a key multiple times/],
    ['an unknown key', '[fs]\nraed = []', /^2:1 The key 'raed' does not exist here$/],
    ['an unknown table', '[file]\nread = []', /^1:2 The key 'file' does not exist here$/],
    ['__proto__', '[__proto__]\nread = []', /^1:2 The key '__proto__' does not exist here$/],
    ['__proto__ in a map', '[vars]\n__proto__ = "x"', /^2:1 The name '__proto__' must be/],
    ['constructor', 'constructor = 1', /^1:1 The key 'constructor' does not exist here$/],
    ['a wrong type', '[fs]\nread = "/a"', /^2:8 This must be a list, it is a string$/],
    [
      'a number as a path',
      '[fs]\nread = [7]',
      /^2:9 This must be text that is not empty or a table, it is a number$/,
    ],
    ['a date', 'description = 2026-01-01', /^1:15 This must be text that is not empty, it is a date$/],
    ['an empty path', '[fs]\nread = [""]', /^2:9 This text must not be empty$/],
    ['a rule without a path', '[fs]\nread = [{ because = "x" }]', /^2:9 The key 'path' is missing here$/],
    ['an unknown verdict', '[[test]]\nforbid = "read /x"', /^2:1 The key 'forbid' does not exist here$/],
    ['an unknown gap', '[require]\ndegrade = ["net.upd"]', /^2:12 The value 'net.upd' does not exist here$/],
    ['a number out of range', '[limits]\nprocs = 0', /^2:9 This must be a whole number from 1 to/],
    ['a fraction', '[limits]\nprocs = 1.5', /^2:9 This must be a whole number/],
    ['infinity', '[limits]\nprocs = inf', /^2:9 This must be a whole number/],
    ['a unit that does not exist', '[limits]\nmemory = "4X"', /^2:10 This must be a size/],
    ['a duration without unit', '[limits]\ntime = "15"', /^2:8 This must be a duration/],
    ['a raw NUL', bytes('[fs]\nread = ["/a', [0], '"]'), /^2:12 A policy text contains no NUL/],
    ['an escaped NUL', '[fs]\nread = ["/a\\u0000"]', /^2:9 This must be text that is not empty/],
    [
      'invalid UTF-8',
      bytes('[fs]\nread = ["/', [0xff, 0xfe], '"]'),
      /^2:1 A policy text is UTF-8, this one is not$/,
    ],
    ['overlong UTF-8', bytes('[fs]\n\nread = ["', [0xc0, 0xaf], '"]'), /^3:1 A policy text is UTF-8/],
    [
      'ten megabytes',
      '#'.repeat(10 << 20),
      /^1:1 A policy text may have 1048576 bytes, this one has 10485760$/,
    ],
    ['deep lists', `description = ${'['.repeat(100_000)}${']'.repeat(100_000)}`, /nest at most 32 deep/],
    ['a long string', `description = "${'x'.repeat(1_000_000)}"`, /a string stays below 65,536 characters/],
    ['deep tables', `x${'.x'.repeat(50)} = 1`, /nest at most 32 deep/],
    ['deep inline tables', `x = ${'{ x = '.repeat(2000)}1${' }'.repeat(2000)}`, /nest at most 32 deep/],
    [
      'JSON syntax',
      '{"fs": {"read": ["/a" "/b"]}}',
      /^1:23 This is not JSON: a comma is expected here$/,
      true,
    ],
    ['JSON with a key twice', '{"fs": {}, "fs": {}}', /^1:12 The key 'fs' is written twice$/, true],
    ['JSON __proto__', '{"__proto__": {"fs": {}}}', /^1:2 The key '__proto__' does not exist here$/, true],
    ['JSON null', '{"fs": null}', /^1:8 This must be a table, it is null$/, true],
    ['a JSON list', '[]', /^1:1 A policy is a table of keys/, true],
    ['an empty JSON text', '', /^1:1 This is not JSON/, true],
    ['deep JSON', `${'['.repeat(100_000)}`, /nest at most 32 deep/, true],
    [
      'half a surrogate pair',
      '{"description": "\\ud800"}',
      /^1:17 This must be text that is not empty/,
      true,
    ],
    ['a raw NUL in JSON', '{"description": "\0"}', /^1:18 A policy text contains no NUL/, true],
  ];
  for (const [name, text, expected, json] of cases) {
    it(name, async () => {
      const errors = await errorsOf(
        resolveInputs([{ name: 'policy', text, format: json ? 'json' : 'toml' }]),
      );
      assert.equal(errors.length, 1, errors.map(shown).join('\n'));
      assert.match(shown(errors[0]!), expected);
      assert.equal(errors[0]!.exitCode, 125);
      assert.equal(errors[0]!.at?.file, 'policy');
    });
  }
});

describe('messages', () => {
  it('reports the problems of all texts together, each with its source line and a fix', async () => {
    const text = 'extends = ["@missing"]\n[fs]\nraed = ["/a"]\n[net]\nconect = []';
    const errors = await errorsOf(resolveText(text));
    assert.deepEqual(errors.map(shown), [
      "1:12 There is no preset '@missing'",
      "3:1 The key 'raed' does not exist here",
      "5:1 The key 'conect' does not exist here",
    ]);
    assert.deepEqual(
      errors.map(({ source, fix, part }) => [source, fix, part]),
      [
        ['extends = ["@missing"]', 'See landward policy presets', '@missing'],
        ['raed = ["/a"]', "Did you mean 'read'?", 'raed'],
        ['conect = []', "Did you mean 'connect'?", 'conect'],
      ],
    );
  });

  it('counts problems past those that a person reads', async () => {
    const text = Array.from({ length: 20_000 }, (_, index) => `k${index} = 1`).join('\n');
    const errors = await errorsOf(resolveText(text));
    assert.equal(errors.length, 101);
    assert.equal(errors.at(-1)!.message, 'There are 19900 more problems');
    assert.equal(shown(errors[99]!), "100:1 The key 'k99' does not exist here");
  });

  it('counts columns in UTF-16 units, with a byte order mark and without', async () => {
    for (const mark of ['', '\ufeff']) {
      const [error] = await errorsOf(resolveText(`${mark}[fs]\r\n"\u{1f600}" = 1`));
      assert.equal(shown(error!), "2:1 The key '\u{1f600}' does not exist here");
      const [inner] = await errorsOf(resolveText(`${mark}[fs]\r\nread = ["\u{1f600}\u{1f600}", 7]`));
      assert.match(shown(inner!), /^2:17 This must be/);
    }
  });

  it('says where in a definition a problem is', async () => {
    const value = { fs: { read: ['/a', { path: '/b', optinal: true }] } } as never;
    const [error] = await errorsOf(resolveInputs([{ name: 'definePolicy', value }]));
    assert.equal(error!.message, "fs.read[1].optinal: The key 'optinal' does not exist here");
    assert.equal(error!.at?.file, 'definePolicy');
  });

  it('refuses values that no text could hold', async () => {
    for (const value of [
      null,
      7,
      { fs: { read: [undefined] } },
      { fs: new Map() },
      { fs: { read: () => 1 } },
      { limits: { procs: 1n } },
    ]) {
      await errorsOf(resolveInputs([{ name: 'definePolicy', value: value as never }]));
    }
    const cyclic: { fs?: unknown } = {};
    cyclic.fs = cyclic;
    await errorsOf(resolveInputs([{ name: 'definePolicy', value: cyclic as never }]));
  });
});

/** A tree as a plain value, for comparing with another reader. */
function plainValue(node: TreeNode): unknown {
  switch (node.kind) {
    case 'list':
      return node.items.map(plainValue);
    case 'table':
      return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainValue(value)]));
    case 'other':
      return node.what;
    default:
      return node.value;
  }
}

const key = fc.oneof(
  fc.constantFrom('fs', 'net', 'read', 'a b', '', '__x', 'é'),
  fc.string({ maxLength: 6 }),
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

describe('formats', () => {
  it('reads TOML as another reader does', async () => {
    const document = fc.dictionary(
      key.filter((name) => name !== '__proto__'),
      json.value as fc.Arbitrary<never>,
      { maxKeys: 5, noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(document, async (value) => {
        const text = Object.entries(value)
          .map(
            ([name, inner]) =>
              `${JSON.stringify(name).replaceAll('\u007f', '\\u007F')} = ${tomlValue(inner)}`,
          )
          .join('\n');
        let expected: unknown;
        try {
          expected = parseOther(text);
        } catch {
          return;
        }
        const { tree } = await readText('x.toml', text);
        assert.deepEqual(plainValue(tree), JSON.parse(JSON.stringify(expected)));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('reads JSON as JSON.parse does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(key, json.value as fc.Arbitrary<never>, { noNullPrototype: true }),
        async (value) => {
          const { tree } = await readText('x.json', JSON.stringify(value, null, 1));
          assert.deepEqual(plainValue(tree), JSON.parse(JSON.stringify(value)));
        },
      ),
      { seed: 2, numRuns: 300 },
    );
  });

  it('reads tables in parts, dotted keys and arrays of tables', async () => {
    const text = '[a.b]\nx = 1\n[a]\ny = 2\nc.d = 3\n[[t]]\nz = 1\n[[t]]\nz = 2\n[t.u]\nv = 3';
    const { tree } = await readText('x.toml', text);
    assert.deepEqual(plainValue(tree), {
      a: { b: { x: 1 }, y: 2, c: { d: 3 } },
      t: [{ z: 1 }, { z: 2, u: { v: 3 } }],
    });
  });

  it('reads JSON with comments and trailing commas', async () => {
    const policy = await resolveInputs([
      { name: 'p.jsonc', text: '{ // why\n "fs": { "read": ["/a",], },\n}' },
    ]);
    assert.equal(policy.layers[0]!.rules.length, 1);
    assert.deepEqual(policy.layers[0]!.rules[0]!.origin, { file: 'p.jsonc', line: 2, column: 19 });
  });

  it('takes a text of the largest size', async () => {
    await resolveText(`# ${'x'.repeat(MAX_BYTES - 2)}`);
  });
});

describe('fuzz', () => {
  const seeds = [
    '[fs]\nread = ["$project", { path = "~/x/**/.e[n]v{a,b}", because = "y", optional = true }]\ndeny = ["/a"]',
    'extends = ["@base", "./x.toml"]\n[vars]\na = ["x", "$b"]\nb = "y"\n[net]\nconnect = ["tcp:[::1]:443", "udp:192.0.2.0/24:53", "loopback"]',
    '[limits]\nmemory = "4G"\ntime = "15m"\n[[test]]\ndeny = "rename /a -> /b"\n[kernel.fs]\nmake_char = ["/dev"]',
    '{"fs": {"read": ["/a", {"path": ["/b"]}]}, "unix": {"connect": ["@x*", "/run/a"]}}',
  ];
  const noise = fc.array(
    fc.tuple(
      fc.nat(400),
      fc.nat(3),
      fc.oneof(
        fc.constantFrom(
          '[',
          ']',
          '{',
          '}',
          '"',
          '\\',
          '$',
          '~',
          '*',
          '**/',
          '..',
          '\0',
          '\n',
          '=',
          '.',
          "'''",
          '{a,',
          '\ud800',
          '#',
          ',',
          ':',
        ),
        fc.string({ maxLength: 3 }),
      ),
    ),
    { maxLength: 6 },
  );
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), noise)
    .map(([seed, edits]) =>
      edits.reduce(
        (text, [at, drop, insert]) =>
          text.slice(0, at % text.length) + insert + text.slice((at % text.length) + drop),
        seed,
      ),
    );
  const anything = fc.oneof(
    { arbitrary: mutated, weight: 8 },
    { arbitrary: fc.string({ unit: 'binary', maxLength: 200 }), weight: 1 },
    { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 },
  );

  it('never ends in anything but a policy or an error of landward', async () => {
    await fc.assert(
      fc.asyncProperty(anything, fc.constantFrom('toml' as const, 'json' as const), async (text, format) => {
        try {
          await resolveInputs([{ name: 'fuzz', text, format }], {
            presets: { base: '[fs]\nread = ["/usr"]' },
          });
        } catch (error) {
          if (!(error instanceof LandwardError)) throw error;
          assert.ok(error.at !== undefined && error.at.line >= 1 && error.at.column >= 1, error.message);
        }
      }),
      { seed: 3, numRuns: 4000 },
    );
  });

  it('never ends in anything but a policy or an error for definitions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.object({
          key: fc.constantFrom(
            'fs',
            'read',
            'deny',
            'path',
            'net',
            'connect',
            'vars',
            'test',
            'allow',
            'extends',
          ),
          maxDepth: 4,
        }),
        async (value) => {
          try {
            await resolveInputs([{ name: 'fuzz', value: value as never }]);
          } catch (error) {
            if (!(error instanceof LandwardError)) throw error;
          }
        },
      ),
      { seed: 4, numRuns: 1000 },
    );
  });
});

describe('quoting', () => {
  it('makes any path mean itself', async () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
      .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..' && text.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 4 }), async (parts) => {
        const path = `/${parts.join('/')}`;
        const policy = await resolveText(`[fs]\nread = [${tomlValue(quote(path))}]`);
        const rule = policy.layers[0]!.rules[0]!;
        assert.ok(rule.kind === 'path');
        assert.deepEqual(rule.pattern, { kind: 'subtree', path });
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});
