/** The JSON Schema that is printed accepts and refuses what the checker accepts and refuses. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PATH_OPERATIONS } from '../../packages/landward/src/policy/ask.ts';
import { check } from '../../packages/landward/src/policy/check.ts';
import { definePolicy } from '../../packages/landward/src/policy/define.ts';
import { policyJsonSchema } from '../../packages/landward/src/policy/json-schema.ts';
import { LINTS } from '../../packages/landward/src/policy/lint.ts';
import { PRESETS } from '../../packages/landward/src/policy/presets/index.ts';
import { problems } from '../../packages/landward/src/policy/problems.ts';
import { POLICY_SCHEMA } from '../../packages/landward/src/policy/schema.ts';
import { runPolicyTests } from '../../packages/landward/src/policy/test.ts';
import { treeOfValue } from '../../packages/landward/src/policy/tree-of-value.ts';
import { VERBS, verbNames } from '../../packages/landward/src/policy/verbs.ts';
import { resolveText } from '../kit/policy-text.ts';

interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: Schema;
  readonly additionalProperties?: Schema | boolean;
}
const known = new Set([
  '$schema',
  'title',
  'description',
  'type',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'items',
  'minItems',
  'properties',
  'additionalProperties',
  'required',
  'propertyNames',
  'anyOf',
]);

/** JSON Schema 2020-12, as far as the schema uses it; an unknown keyword is an error, so that nothing passes unseen. */
function accepts(schema: Schema | boolean, value: unknown): boolean {
  if (typeof schema === 'boolean') return schema;
  for (const keyword of Object.keys(schema)) assert.ok(known.has(keyword), `keyword ${keyword}`);
  const types: Record<string, (value: unknown) => boolean> = {
    string: (v) => typeof v === 'string',
    integer: (v) => typeof v === 'number' && Number.isInteger(v),
    boolean: (v) => typeof v === 'boolean',
    array: Array.isArray,
    object: (v) => typeof v === 'object' && v !== null && !Array.isArray(v),
  };
  if (schema.type !== undefined && !types[schema.type]!(value)) return false;
  if (schema.enum !== undefined && !schema.enum.includes(value)) return false;
  if (schema.anyOf !== undefined && !schema.anyOf.some((inner) => accepts(inner, value))) return false;
  if (
    typeof value === 'string' &&
    schema.pattern !== undefined &&
    !new RegExp(schema.pattern, 'u').test(value)
  )
    return false;
  if (typeof value === 'number') {
    if (schema.minimum !== undefined && value < schema.minimum) return false;
    if (schema.maximum !== undefined && value > schema.maximum) return false;
  }
  if (Array.isArray(value)) {
    if (schema.minItems !== undefined && value.length < schema.minItems) return false;
    return schema.items === undefined || value.every((item) => accepts(schema.items!, item));
  }
  if (typeof value === 'object' && value !== null) {
    const properties = schema.properties ?? {};
    for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) return false;
    for (const [key, inner] of Object.entries(value)) {
      if (schema.propertyNames !== undefined && !accepts(schema.propertyNames, key)) return false;
      if (Object.hasOwn(properties, key)) {
        if (!accepts(properties[key]!, inner)) return false;
      } else if (schema.additionalProperties !== undefined && !accepts(schema.additionalProperties, inner))
        return false;
    }
  }
  return true;
}

function checks(value: unknown): boolean {
  const found = problems();
  check(treeOfValue(value, 'x'), POLICY_SCHEMA, found);
  return found.count === 0;
}

const schema = policyJsonSchema() as Schema;
const good: readonly unknown[] = [
  {},
  ...Object.values(PRESETS),
  definePolicy({
    description: 'x',
    extends: ['@base', './x.toml'],
    layer: 'limit',
    vars: { a: 'x', b: ['y', 'z'] },
    fs: {
      read: [
        '/a',
        {
          path: ['/b'],
          because: 'c',
          missing: 'create',
          exact: true,
          expand: false,
          enforce: 'kernel',
          quiet: true,
        },
      ],
      deny: [{ path: '/c', rights: ['write', 'fs.truncate', 'meta.stat'] }],
    },
    net: {
      connect: ['tcp:443', { target: ['tcp:a.b:1'] }],
      deny: [{ target: 'loopback', rights: ['listen'] }],
      subject: 'both',
    },
    unix: { connect: ['/x', { path: '@y' }], ask: [{ path: ['/z'], rights: ['connect'] }] },
    process: { signal: 'any', abstract: 'domain', io_uring: 'allow', syscalls: ['bpf'], keep_fds: [3] },
    env: { pass: ['A*'], scrub: [], set: { A: '' } },
    limits: { procs: 1, memory: '4G', file_size: 0, cpu: '1s', time: '5ms', core: '0' },
    require: { abi: 6, degrade: ['net.udp'] },
    log: { new_exec: false },
    kernel: { fs: { make_char: ['/dev'] }, net: { bind_udp: ['53'] }, scope: { signal: 'any' } },
    test: [{ allow: 'read /x', deny: ['exec /y'] }],
  }),
];
const bad: readonly unknown[] = [
  [],
  null,
  'x',
  { fs: [] },
  { fs: { read: '/a' } },
  { fs: { read: [''] } },
  { fs: { read: ['a\0'] } },
  { fs: { read: ['\ud800'] } },
  { fs: { read: [{}] } },
  { fs: { read: [{ path: [] }] } },
  { fs: { read: [{ path: '/a', rights: ['read'] }] } },
  { fs: { deny: [{ path: '/a', rights: [] }] } },
  { fs: { deny: [{ path: '/a', rights: ['rename'] }] } },
  { net: { connect: [{ path: 'x' }] } },
  { net: { subject: 'all' } },
  { process: { keep_fds: [2] } },
  { process: { syscalls: ['BPF'] } },
  { env: { pass: ['A=B'] } },
  { env: { set: { 'A=': 'x' } } },
  { env: { set: { A: 1 } } },
  { limits: { procs: 1.5 } },
  { limits: { memory: '1.5G' } },
  { limits: { cpu: '5ms' } },
  { require: { degrade: ['all'] } },
  { vars: { '1a': 'x' } },
  { vars: { a: [] } },
  { layer: 'deny' },
  { kernel: { fs: { fly: [] } } },
  { test: [{ expect: 'x' }] },
  { unknown: {} },
];

describe('the schema', () => {
  it('accepts the good corpus, as the checker does', () => {
    for (const value of good)
      assert.deepEqual([checks(value), accepts(schema, value)], [true, true], JSON.stringify(value));
  });

  it('refuses the bad corpus, as the checker does', () => {
    for (const value of bad)
      assert.deepEqual([checks(value), accepts(schema, value)], [false, false], JSON.stringify(value));
  });

  it('agrees with the checker on mutated documents', () => {
    const junk = fc.constantFrom<unknown>(
      '',
      'x',
      '/a',
      0,
      1,
      -1,
      3,
      1.5,
      true,
      null,
      [],
      {},
      ['x'],
      [[]],
      { path: '/a' },
      { a: 'x' },
    );
    const sites = good.flatMap((document) => sitesOf(document).map((path) => ({ document, path })));
    const verdicts = { true: 0, false: 0 };
    fc.assert(
      fc.property(fc.nat(sites.length - 1), junk, (index, value) => {
        const { document, path } = sites[index]!;
        const mutated = replace(structuredClone(document), path, value);
        const expected = checks(mutated);
        verdicts[`${expected}`]++;
        assert.equal(accepts(schema, mutated), expected, JSON.stringify(mutated));
      }),
      { seed: 1, numRuns: 3000 },
    );
    assert.ok(verdicts.true > 100 && verdicts.false > 100, JSON.stringify(verdicts));
  });
});

describe('the typed definition', () => {
  it('knows keys, values and kinds', () => {
    definePolicy({
      fs: { read: ['/a'] },
      limits: { memory: '4G', procs: 3 },
      require: { degrade: ['net.udp'] },
    });
    // @ts-expect-error a key that does not exist
    definePolicy({ fs: { raed: ['/a'] } });
    // @ts-expect-error a value that does not exist
    definePolicy({ require: { degrade: ['net.upd'] } });
    // @ts-expect-error a number where text is wanted
    definePolicy({ fs: { read: [7] } });
    // @ts-expect-error a rule without its path
    definePolicy({ fs: { deny: [{ because: 'x' }] } });
    // @ts-expect-error an annotation of another kind of rule
    definePolicy({ net: { connect: [{ target: 'tcp:1', missing: 'optional' }] } });
    assert.equal(checks({ fs: { raed: ['/a'] } }), false);
  });
});

describe('the page of the language', () => {
  const section = (schema: Schema): string[] => Object.keys(schema.properties ?? {});

  it('names every key, lint and operation', async () => {
    const page = await readFile(new URL('../../docs/policy.md', import.meta.url), 'utf8');
    const keys = [
      ...section(schema),
      ...['fs', 'net', 'unix', 'process', 'env', 'limits', 'require', 'log'].flatMap((name) =>
        section(schema.properties![name]!),
      ),
    ];
    const words = [...keys, ...Object.keys(LINTS), ...Object.keys(PATH_OPERATIONS)];
    assert.deepEqual(
      words.filter((word) => !new RegExp(`[\\s\`"|]${word}[\\s\`"|:]`).test(page)),
      [],
    );
  });

  it('shows a policy that resolves with the presets and passes its own tests', async () => {
    const page = await readFile(new URL('../../docs/policy.md', import.meta.url), 'utf8');
    const text = /```toml\n([\s\S]*?)```/.exec(page)![1]!;
    const policy = await resolveText(text, { presets: PRESETS });
    const results = runPolicyTests(policy);
    assert.equal(results.length, 2);
    assert.ok(results.every(({ passed }) => passed));
  });

  it('states the rights of each verb', async () => {
    const page = await readFile(new URL('../../docs/policy.md', import.meta.url), 'utf8');
    const rows = new Map(
      page
        .split('\n')
        .map((line) => line.split('|').map((cell) => cell.trim()))
        .map((cells) => [cells[1], cells[2] ?? '']),
    );
    for (const verb of verbNames) {
      const row = rows.get(`\`${verb}\``);
      assert.ok(row !== undefined, verb);
      const named = new Set(row.match(/fs\.[a-z_]+/g));
      if (verb === 'write')
        for (const other of ['create', 'delete', 'refer'] as const)
          for (const right of VERBS[other].grants) named.add(right);
      assert.deepEqual(
        [...named].sort(),
        VERBS[verb].grants.filter((right) => right.startsWith('fs.')).sort(),
        verb,
      );
    }
  });
});

/** The paths of all values in a document. */
function sitesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => sitesOf(inner, [...path, key]))];
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const record = document as Record<string, unknown>;
  record[key] = replace(record[key], rest, value);
  return record;
}
