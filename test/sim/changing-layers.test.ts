/** Layers that may change, before anything runs: where a policy may say so, what the plan becomes, and what is loaded. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { ALLOW, decodeAction } from '../../packages/landward/src/filter/action.ts';
import { composeFilter } from '../../packages/landward/src/filter/compose.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { unpackProgram } from '../../packages/landward/src/filter/program.ts';
import { DEFAULT_FILTER, TCP_SOCKETS } from '../../packages/landward/src/filter/spec.ts';
import { decideCall } from '../../packages/landward/src/model/rules/calls.ts';
import { canonicalJson } from '../../packages/landward/src/policy/canonical.ts';
import { compile } from '../../packages/landward/src/policy/compile.ts';
import type { Host } from '../../packages/landward/src/policy/plan.ts';
import { printPolicy } from '../../packages/landward/src/policy/print.ts';
import { resolvePolicy } from '../../packages/landward/src/policy/resolve.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { SYSCALLS } from '../../packages/landward/src/uapi/syscalls.ts';
import { importsOf } from '../../tools/rooms.ts';

const context = {
  variables: { home: '/home/me', cwd: '/w', project: '/w', tmp: '/tmp', env: {} },
  preset: () => undefined,
};
const text = (name: string, content: string) => ({ name, text: content, format: 'toml' as const });
const GRANT = text('base.toml', '[fs]\nread = ["/usr", "/srv"]\n[process]\nsyscalls = ["reboot"]\n');
const resolveTexts = (...limits: readonly string[]) =>
  resolvePolicy([GRANT, ...limits.map((content, at) => text(`limit${at}.toml`, content))], context as never);

const host: Host = {
  arch: 'x86_64',
  abi: 7,
  errata: 0,
  landlock: 'available',
  seccomp: true,
  supervisor: true,
  kernel: 'test',
  uid: 1000,
  stat: (paths) => paths.map((real) => ({ real, type: 'directory', dev: 1n, ino: BigInt(real.length) })),
  list: () => [],
};

test('only a text that is a limit by its own words may change [R-001-4]', async () => {
  const ok = 'layer = "limit"\nmutable = "any"\n[fs]\nread = ["/srv"]\n';
  const policy = await resolveTexts(ok);
  assert.deepEqual(
    policy.layers.map(({ mutable }) => mutable),
    [undefined, 'any'],
  );
  await assert.rejects(
    resolvePolicy([text('g.toml', 'mutable = "any"\n[fs]\nread = ["/usr"]\n')], context as never),
    { code: 'POLICY_INVALID', part: 'mutable', at: { file: 'g.toml', line: 1, column: 11 } },
  );
  // A loader that makes a text a limit does not make it one that may change.
  await assert.rejects(
    resolvePolicy(
      [GRANT, { ...text('p.toml', 'mutable = "any"\n[fs]\nread = ["/usr"]\n'), layer: 'limit' }],
      context as never,
    ),
    { part: 'mutable' },
  );
  for (const wrong of [
    ok.replace('"any"', '"sometimes"'),
    ok.replace('["/srv"]', '[{ path = "/srv", enforce = "kernel" }]'),
    `${ok}[net]\naim = "own"\n`,
  ])
    await assert.rejects(resolveTexts(wrong), { code: 'POLICY_INVALID' });
});

test('what may change is in no part that never does [R-001-9, R-001-13]', async () => {
  const limit = 'layer = "limit"\n[fs]\nread = ["/srv"]\n[process]\nsignal = "any"\nsyscalls = ["mkdir"]\n';
  const plain = compile(await resolveTexts(), host, { digest: 'x' });
  const changing = compile(await resolveTexts(limit.replace('\n', '\nmutable = "any"\n')), host, {
    digest: 'x',
  });
  const fixed = compile(await resolveTexts(limit), host, { digest: 'x' });
  assert.equal(plain.supervisor, null);
  assert.equal(fixed.supervisor, null);
  // The kernel's part is that of the base alone; the fixed limit narrows it.
  assert.deepEqual(changing.ruleset, plain.ruleset);
  assert.notDeepEqual(fixed.ruleset, plain.ruleset);
  assert.deepEqual(changing.supervisor?.calls, ['mkdir']);
  assert.ok(
    ['open', 'opened', 'signal'].every((group) => changing.supervisor!.groups.includes(group as never)),
  );
  const answer = (plan: typeof plain, name: 'mkdir' | 'reboot') =>
    decodeAction(
      interpret(
        unpackProgram(plan.filter!),
        encodeCall({ nr: SYSCALLS.x86_64[name]!, arch: AUDIT_ARCH.x86_64 }),
      ),
    ).kind;
  assert.deepEqual(
    [plain, fixed, changing].map((plan) => answer(plan, 'mkdir')),
    ['allow', 'errno', 'notify'],
  );
  assert.deepEqual(
    [plain, fixed, changing].map((plan) => answer(plan, 'reboot')),
    ['errno', 'errno', 'errno'],
  );
  // Where nobody could hold it, nothing starts.
  const limited = await resolveTexts(limit.replace('\n', '\nmutable = "any"\n'));
  assert.throws(() => compile(limited, { ...host, supervisor: false }), { code: 'SUPERVISOR' });
  for (const name of ['write', 'execve', 'nonsense'])
    assert.throws(
      () =>
        compile(
          {
            ...limited,
            layers: [limited.layers[0]!, { ...limited.layers[1]!, calls: { handled: [name], allowed: [] } }],
          },
          host,
        ),
      { code: 'POLICY_INVALID', part: name },
    );
});

test('a policy that may change is printed as one, and is another policy', async () => {
  const limit =
    'layer = "limit"\nmutable = "stricter"\n[fs]\nread = ["/srv"]\n[process]\nsyscalls = ["mkdir"]\n';
  const policy = await resolveTexts(limit);
  const again = await resolvePolicy(
    printPolicy(policy).map(({ name, toml }) => text(name, toml)),
    context as never,
  );
  assert.equal(canonicalJson(again), canonicalJson(policy));
  assert.deepEqual(again.layers[1]?.calls, { handled: ['mkdir'], allowed: [] });
  assert.notEqual(
    canonicalJson(policy),
    canonicalJson(await resolveTexts(limit.replace('mutable = "stricter"\n', ''))),
  );
});

test('a call that is asked about by name is never allowed unasked', () => {
  const calls = ['socket', 'unshare', 'openat', 'mkdir'] as const;
  const spec = { ...DEFAULT_FILTER, arch: 'x86_64', sockets: TCP_SOCKETS, notify: ['open'], calls } as const;
  const program = unpackProgram(composeFilter(spec));
  const samples = [[], [2, 1, 0], [1, 1, 0], [0x0002_0000], [0, 0, 0x20_0000], [0, 0, 0], [0x400]];
  for (const name of calls)
    for (const args of samples) {
      const word = interpret(
        program,
        encodeCall({ nr: SYSCALLS.x86_64[name]!, arch: AUDIT_ARCH.x86_64, args }),
      );
      assert.notEqual(decodeAction(word).kind, ALLOW.kind, `${name} ${args}`);
    }
});

test('a system call is allowed where every layer that handles it says so [R-001-13]', () => {
  const one = (handled: readonly string[], allowed: readonly string[]) => ({
    kind: 'limit' as const,
    name: 'one',
    categories: [],
    rules: [],
    calls: { handled, allowed },
  });
  const errno = (...layers: ReturnType<typeof one>[]) => decideCall(layers, 'mkdir').errno;
  assert.deepEqual(
    [errno(), errno(one(['rmdir'], [])), errno(one(['mkdir'], [])), errno(one(['mkdir'], ['mkdir']))],
    [0, 0, 1, 0],
  );
  assert.equal(errno(one(['mkdir'], ['mkdir']), one(['mkdir'], [])), 1);
  assert.equal(decideCall([one(['mkdir'], ['mkdir']), one(['mkdir'], [])], 'mkdir').blame.layer, 1);
});

test('nothing of it is loaded where no layer may change [R-001-9]', () => {
  const source = resolve(import.meta.dirname, '../../packages/landward/src');
  const changing =
    /model\/layers\/rule-(stack|change|stricter)|supervisor\/(changing-layers|named-calls)|launch\/layer-(control|edits)/;
  const reached = (entry: string) => {
    const seen = new Set<string>();
    const open = [join(source, entry)];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file) || !existsSync(file)) continue;
      seen.add(file);
      const code = readFileSync(file, 'utf8');
      const lazy = new Set([...code.matchAll(/\bimport\(\s*'([^']+)'/g)].map(([, found]) => found));
      for (const { specifier, typeOnly } of importsOf(code))
        if (!typeOnly && specifier.startsWith('.') && !lazy.has(specifier))
          open.push(resolve(dirname(file), specifier));
    }
    return [...seen].filter((file) => changing.test(file)).map((file) => file.slice(source.length + 1));
  };
  // The deciding Worker, the start of a supervised run, the library and the command line.
  for (const entry of ['supervisor/worker.ts', 'launch/supervised-run.ts', 'index.ts', 'cli/main.ts'])
    assert.deepEqual(reached(entry), [], entry);
  // And it is found where it is asked for, or this test would show nothing.
  assert.ok(reached('supervisor/changing-layers.ts').length > 2);
});
