/**
 * The same policy in the language, as a program in eBPF and as a function in TypeScript gives equal decisions: first for
 * random questions, asked of the three authorities as a run asks them, then for one script of a real program.
 */

import assert from 'node:assert/strict';
import { mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { compile, type DecideRequest, type DecideVerdict, spawn } from '../../packages/landward/src/index.ts';
import { indexRules } from '../../packages/landward/src/model/decide-rules.ts';
import { triggerBits } from '../../packages/landward/src/model/programs/index.ts';
import type { PolicyDefinition } from '../../packages/landward/src/policy/define.ts';
import type { ProgramFile } from '../../packages/landward/src/policy/plan.ts';
import type { Authority, Question } from '../../packages/landward/src/supervisor/authority.ts';
import type { Call } from '../../packages/landward/src/supervisor/call.ts';
import { Answers } from '../../packages/landward/src/supervisor/functions/answers.ts';
import { askFunctions } from '../../packages/landward/src/supervisor/functions/authority.ts';
import { Pending } from '../../packages/landward/src/supervisor/functions/pending.ts';
import type { Place } from '../../packages/landward/src/supervisor/place.ts';
import { policyAuthority } from '../../packages/landward/src/supervisor/policy-authority.ts';
import { programAuthority } from '../../packages/landward/src/supervisor/programs/authority.ts';
import { RuleUses } from '../../packages/landward/src/supervisor/rule-uses.ts';
import type { Run } from '../../packages/landward/src/supervisor/run.ts';
import { needs } from '../kit/needs.ts';
import { inodeValue, OPEN_POLICY, objectOf } from '../kit/policy-programs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

/** What all three say: nothing is done with the secrets and their content, and TCP goes neither to port 22 nor into 10.0.0.0/8. */
function forms(t: Ending) {
  const home = temporaryDirectory(t, 'forms');
  mkdirSync(join(home, 'd'));
  const names = ['a', 'b', 'd/c', 'secret', 'd/secret'];
  const paths = names.map((name) => join(home, name));
  for (const path of paths) writeFileSync(path, `in ${path}\n`);
  const secrets = paths.filter((path) => path.endsWith('secret'));
  const language: PolicyDefinition = {
    ...OPEN_POLICY,
    fs: { ...OPEN_POLICY.fs, deny: secrets },
    net: { ...OPEN_POLICY.net, deny: ['tcp:10.0.0.0/8:*', 'tcp:*:22'] },
  };
  const object = objectOf({
    fs_pick: `
      r6 = r1
      r7 = *(u64 *)(r1 + 16)
      r7 &= ${0xff_ffffn & ~triggerBits('setattr', 'getattr')}
      if r7 == 0 goto allow
      ${inodeValue('looked')}
      if r0 == 0 goto allow
      r0 = 1
      exit
      allow:
      r0 = 0
      exit`,
    net: `
      r2 = *(u64 *)(r1 + 16)
      if r2 != 6 goto allow
      r2 = *(u64 *)(r1 + 24)
      if r2 == 22 goto deny
      r2 = *(u64 *)(r1 + 8)
      if r2 != 2 goto allow
      r2 = *(u64 *)(r1 + 40)
      r2 >>= 24
      if r2 == 10 goto deny
      allow:
      r0 = 0
      exit
      deny:
      r0 = 1
      exit`,
  });
  const inodes = new Set(secrets.map((path) => statSync(path, { bigint: true }).ino));
  const decide = ({ file, replaces, object: about, rights }: DecideRequest): DecideVerdict => {
    // What is known about a file is no content: rules speak of it only where they name it, and this one does not.
    if (rights[0] === 'meta.write') return undefined;
    if ((file && inodes.has(file.ino)) || (replaces && inodes.has(replaces.ino))) return 'deny';
    if (about.kind !== 'net' || !rights[0]!.endsWith('_tcp')) return undefined;
    return about.port === 22 || /^(::ffff:)?10\./.test(about.address ?? '') ? 'deny' : undefined;
  };
  return { home, paths, secrets, language, object, decide };
}

type Forms = ReturnType<typeof forms>;

/** A run as authorities see it. */
function runOf(plan: Partial<Run['plan']['supervisor']>, layers: Run['layers']): Run {
  const states = new Map<symbol, Disposable>();
  return {
    id: '0',
    plan: {
      supervisor: { closes: [], groups: [], names: [], mode: 'enforce', ...plan },
      digest: '',
      layers,
    } as never,
    layers,
    index: indexRules(layers),
    uses: new RuleUses(),
    report() {},
    hush() {},
    note() {},
    kill() {},
    every: () => ({ [Symbol.dispose]() {} }),
    state<T extends Disposable>(key: symbol, make: () => T): T {
      if (!states.has(key)) states.set(key, make());
      return states.get(key) as T;
    },
  } as unknown as Run;
}

let ids = 0n;

function callOf(run: Run, name: Call['name'], answers?: Answers): Call {
  const target = { tid: 1, status: () => ({ pid: 1, uid: 0 }), comm: () => 'x', exe: () => '/x' };
  return { run, id: ++ids, name, target, answers } as unknown as Call;
}

/** What a function says, asked as a run asks it: the question ends the call, which is begun anew with the answer. */
function askedFunction(run: Run, name: Call['name'], question: Question, { decide }: Forms): number {
  try {
    return askFunctions(callOf(run, name), question).errno;
  } catch (error) {
    if (!(error instanceof Pending)) throw error;
    const answers = new Answers();
    const { key, request } = error.asked;
    answers.add(key, { verdict: decide(request) === 'deny' ? 'deny' : 'allow', by: 'form' });
    return askFunctions(callOf(run, name, answers), question).errno;
  }
}

function placeOf(path: string): Place {
  const { dev, ino } = statSync(path, { bigint: true });
  const fd = openSync(path, 'r');
  return { fd, path, type: 'reg', dev, ino, unlinked: false, exempt: false };
}

test('the language, eBPF and TypeScript decide alike on random requests [R-002-5]', needs({}), async (t) => {
  const set = forms(t);
  const { layers } = await compile(set.language, { keepGaps: true });
  const files: readonly ProgramFile[] = [
    {
      name: 'forms',
      object: set.object,
      inodes: set.secrets.map((path) => {
        const { dev, ino } = statSync(path, { bigint: true });
        return { map: 'objects', path, dev, ino, value: 1n };
      }),
    },
  ];
  const [rules, programs, functions] = [
    runOf({}, layers),
    runOf({ programs: files }, []),
    runOf({ decides: ['fs', 'net'] }, []),
  ];
  const isMember = () => true;
  const byRules: Authority = policyAuthority(() => rules, isMember);
  const byPrograms: Authority = programAuthority(() => programs, isMember);
  const places = set.paths.map(placeOf);
  const parents = set.paths.map((path) => ({
    ...placeOf(set.paths[0]!),
    path: path.slice(0, path.lastIndexOf('/')),
  }));
  const home = {
    ...parents[0]!,
    dev: statSync(set.home, { bigint: true }).dev,
    ino: statSync(set.home, { bigint: true }).ino,
  };
  const place = fc.nat(places.length - 1).map((at) => ({ at: places[at]!, path: set.paths[at]! }));
  const entry = fc.nat(places.length - 1).map((at) => ({
    parent: { ...home, path: parents[at]!.path },
    name: Buffer.from(set.paths[at]!.split('/').at(-1)!),
    object: places[at]!,
    path: set.paths[at]!,
  }));
  const question: fc.Arbitrary<readonly [Call['name'], Question]> = fc.oneof(
    fc
      .tuple(place, fc.constantFrom(['fs.read_file'], ['fs.write_file'], ['fs.read_file', 'fs.write_file']))
      .map(
        ([{ at }, rights]) =>
          ['openat', { kind: 'open', at, rights: rights as never, optional: [] }] as const,
      ),
    fc
      .tuple(place, fc.constantFrom('fs.truncate', 'meta.write'))
      .map(([{ at }, right]) => ['truncate', { kind: 'access', at, rights: [right] as never }] as const),
    place.map(
      ({ at }) => ['execve', { kind: 'access', at, rights: ['fs.execute', 'fs.read_file'] }] as const,
    ),
    entry.map((one) => ['unlink', { kind: 'remove', entry: one, right: 'fs.remove_file' }] as const),
    fc
      .tuple(entry, entry, fc.constantFrom('rename', 'exchange'))
      .map(
        ([from, to, operation]) =>
          ['renameat2', { kind: 'refer', from, to, operation: operation as never }] as const,
      ),
    fc
      .tuple(
        fc.constantFrom('net.connect_tcp', 'net.bind_tcp', 'net.connect_send_udp', 'net.bind_udp'),
        fc.oneof(
          fc.constantFrom(
            '10.0.0.0',
            '10.255.255.255',
            '9.255.255.255',
            '11.0.0.0',
            '127.0.0.1',
            '::1',
            'a00::1',
            '::ffff:10.1.2.3',
            '::a00:1',
          ),
          fc.ipV4(),
          fc.tuple(fc.constant('10'), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.')),
        ),
        fc.oneof(fc.constantFrom(21, 22, 23, 0, 65_535), fc.nat(65_535)),
      )
      .map(
        ([right, address, port]) =>
          [
            right.includes('bind') ? 'bind' : 'connect',
            { kind: 'net', right: right as never, address, port, names: [] },
          ] as const,
      ),
  );
  const met = { allowed: 0, denied: 0 };
  fc.assert(
    fc.property(question, ([name, asked]) => {
      const said = {
        language: byRules.ask(callOf(rules, name), asked).errno !== 0,
        ebpf: byPrograms.ask(callOf(programs, name), asked).errno !== 0,
        typescript: askedFunction(functions, name, asked, set) !== 0,
      };
      met[said.language ? 'denied' : 'allowed']++;
      assert.deepEqual(said, { language: said.language, ebpf: said.language, typescript: said.language });
    }),
    { numRuns: 3000 },
  );
  assert.ok(met.allowed > 500 && met.denied > 500, JSON.stringify(met));
});

test(
  'the same script is stopped at the same places by each form [R-002-5]',
  needs({ abi: 5, supervisor: true }),
  async (t) => {
    const outputs: string[] = [];
    for (const form of ['language', 'ebpf', 'typescript'] as const) {
      const { home, language, object, decide, secrets } = forms(t);
      const script = `
      try() { "$@" > /dev/null 2>&1 && echo yes || echo no; }
      cd ${home}
      try cat a; try cat secret; try cat d/secret; ln -s d/secret l; try cat l; try cp a new
      try chmod 600 secret; try chmod 600 b; try mv a secret; try mv b moved; try rm -f d/secret; try rm -f d/c
      try sh -c ': >> secret'; try ln secret hard; try cat new`;
      const confinement =
        form === 'language'
          ? { policy: language }
          : form === 'ebpf'
            ? { policy: OPEN_POLICY, programs: [{ name: 'forms', object, inodes: { objects: secrets } }] }
            : { policy: OPEN_POLICY, decide };
      const result = await spawn('sh', ['-c', script], confinement as never);
      outputs.push(result.stdout!);
    }
    assert.equal(outputs[0]!.split('\n').length, 15);
    assert.match(outputs[0]!, /^yes\nno\nno\nno\nyes\n/);
    assert.equal(outputs[1], outputs[0]);
    assert.equal(outputs[2], outputs[0]);
  },
);
