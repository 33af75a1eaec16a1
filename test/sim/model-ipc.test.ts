/** ptrace, scopes and UNIX sockets against the relation of layers, said with lists of names. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  blockers,
  type Credential,
  deliverOwned,
  linux,
  ptrace,
  reachSocket,
  resolveUnix,
  setOwner,
  signal,
  type Task,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, Scene } from '../differential/scene.ts';

const SEED = { seed: 311, numRuns: 500 };
const behaviour = linux(11);
const SIGNAL = 2;
const ABSTRACT = 1;

interface Made {
  readonly credential: Credential;
  /** The names of its layers, outermost first: a layer is the same exactly if its name is. */
  readonly layers: readonly { readonly name: number; readonly scoped: number }[];
}

/** A family of domains: each grows from an earlier one, so that prefixes are shared or not. */
const family = fc.array(fc.tuple(fc.nat(5), fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 2 })), {
  minLength: 2,
  maxLength: 6,
});

function grow(shape: readonly (readonly [number, readonly number[]])[]): Made[] {
  const made: Made[] = [{ credential: UNRESTRICTED, layers: [] }];
  let names = 0;
  for (const [from, scopes] of shape) {
    const base = made[from % made.length]!;
    const credential = confine(
      behaviour,
      scopes.map((scoped) => ({ handledNet: 1, scoped })),
      base.credential,
    );
    made.push({
      credential,
      layers: [...base.layers, ...scopes.map((scoped) => ({ name: names++, scoped }))],
    });
  }
  return made;
}

const task = (credential: Credential, process: object = {}): Task => ({ credential, process });

test('ptrace needs every layer of the tracer on the tracee', () => {
  fc.assert(
    fc.property(family, (shape) => {
      const made = grow(shape);
      for (const one of made) {
        for (const other of made) {
          const decision = ptrace(behaviour, one.credential, task(other.credential));
          const nested = one.layers.every((layer, depth) => other.layers[depth]?.name === layer.name);
          assert.equal(decision.allowed, nested);
          if (decision.allowed) continue;
          assert.equal(decision.errno, ERRNO.EPERM);
          assert.equal(decision.denials[0]!.layer, one.layers.length - 1);
          assert.deepEqual(blockers(decision.denials[0]!), ['ptrace']);
        }
      }
    }),
    SEED,
  );
});

test('a scope cuts off where a layer that has it is not shared: the caller as it is, the peer by who made its socket [R-000-16]', () => {
  fc.assert(
    fc.property(family, (shape) => {
      const made = grow(shape);
      for (const one of made) {
        for (const other of made) {
          const cut = (bit: number) =>
            one.layers.flatMap((layer, depth) =>
              (layer.scoped & bit) !== 0 && other.layers[depth]?.name !== layer.name ? [depth] : [],
            );
          const socket = { creator: other.credential.domain, bound: 'abstract' } as const;
          const decisions = [
            [signal(behaviour, task(one.credential), task(other.credential)), cut(SIGNAL), 'scope.signal'],
            [reachSocket(behaviour, one.credential, socket), cut(ABSTRACT), 'scope.abstract_unix_socket'],
          ] as const;
          for (const [decision, layers, scope] of decisions) {
            assert.equal(decision.allowed, layers.length === 0);
            if (decision.allowed) continue;
            assert.equal(decision.errno, ERRNO.EPERM);
            assert.deepEqual(
              decision.denials[0]!.complete.map((lack) => lack.layer),
              layers,
            );
            assert.equal(decision.denials[0]!.layer, layers.at(-1));
            assert.deepEqual(blockers(decision.denials[0]!), [scope]);
          }
        }
      }
    }),
    SEED,
  );
});

test('threads of one process signal each other since erratum 2', () => {
  const process = {};
  const inside = task(confine(behaviour, [{ scoped: SIGNAL }]), process);
  const sibling = task(UNRESTRICTED, process);
  assert.ok(signal(behaviour, inside, sibling).allowed);
  assert.ok(!signal(linux(11, { errata: 0xd }), inside, sibling).allowed);
  assert.ok(!signal(behaviour, inside, task(UNRESTRICTED)).allowed);
});

test('SIGIO is judged by the domain that set the owner', () => {
  const confined = task(confine(behaviour, [{ scoped: SIGNAL }]));
  const outside = task(UNRESTRICTED);
  const thread = task(UNRESTRICTED, confined.process);
  const errno = (decision: ReturnType<typeof deliverOwned>) => (decision.allowed ? 0 : decision.errno);
  const deliver = (kernel: typeof behaviour, by: Task, owner: Task | readonly Task[], to: Task) =>
    errno(deliverOwned(kernel, setOwner(kernel, by, owner), to));
  assert.equal(deliver(behaviour, confined, outside, outside), ERRNO.EPERM);
  assert.equal(deliver(behaviour, confined, [confined, outside], outside), ERRNO.EPERM);
  assert.equal(deliver(behaviour, confined, [confined, thread], thread), 0, 'the own process');
  assert.equal(deliver(behaviour, confined, thread, outside), 0, 'nothing recorded for itself');
  assert.equal(deliver(behaviour, outside, confined, confined), 0, 'from outside in');
  assert.equal(deliver(behaviour, confined, confined, confined), 0);
  const old = linux(7, { knobs: { sigioGroup: 'registration' } });
  assert.equal(
    deliver(old, confined, [confined, outside], outside),
    0,
    'the first member of a group stood for all',
  );
  assert.equal(deliver(old, confined, [outside, confined], outside), ERRNO.EPERM);
  assert.equal(deliver(old, confined, [outside, thread], thread), ERRNO.EPERM, 'and no process was its own');
});

test('abstract sockets: only abstract names, and not a peer that is connected already', () => {
  const confined = confine(behaviour, [{ scoped: ABSTRACT }]);
  const reach = (bound: 'abstract' | 'path' | 'unnamed', connected?: boolean) =>
    reachSocket(behaviour, confined, { creator: null, bound }, connected).allowed;
  assert.equal(reach('abstract'), false);
  assert.equal(reach('abstract', true), true);
  assert.equal(reach('path'), true);
  assert.equal(reach('unnamed'), true);
});

test('pathname sockets: each layer by a rule or by relation, mixed as they come [R-000-45]', () => {
  const scene = new Scene({ '/d': 'dir', '/d/s': 'sock' });
  const right = fsMask('fs.resolve_unix');
  const at = scene.at('/d/s');
  const ruled = { handledFs: right, rules: [[scene.at('/d'), right]] } as const;
  const bare = { handledFs: right } as const;
  const first = confine(behaviour, [bare]);
  const inner = (layer: typeof ruled | typeof bare) => confine(behaviour, [layer], first);
  const errno = (credential: Credential, creator: Credential, kernel = behaviour) => {
    const decision = resolveUnix(kernel, credential, at, { creator: creator.domain, bound: 'path' });
    return decision.allowed ? 0 : decision.errno;
  };
  assert.equal(errno(first, UNRESTRICTED), ERRNO.EACCES);
  assert.equal(errno(first, first), 0);
  assert.equal(errno(inner(bare), first), ERRNO.EACCES, "the inner layer is not the peer's");
  assert.equal(errno(inner(ruled), first), 0, 'outer by relation, inner by rule');
  assert.equal(errno(inner(ruled), UNRESTRICTED), ERRNO.EACCES);
  assert.equal(errno(confine(behaviour, [ruled]), UNRESTRICTED), 0);
  assert.equal(errno(confine(behaviour, [{ handledFs: 1 }]), UNRESTRICTED), 0);
  assert.equal(errno(UNRESTRICTED, first), 0);
  assert.equal(errno(first, UNRESTRICTED, linux(8)), 0, 'before ABI 9');
  assert.equal(errno(first, UNRESTRICTED, linux(9)), ERRNO.EACCES);
  const denied = resolveUnix(behaviour, inner(bare), at, { creator: null, bound: 'path' });
  assert.ok(!denied.allowed);
  assert.deepEqual(
    denied.denials[0]!.complete.map((lack) => lack.layer),
    [0, 1],
  );
  assert.deepEqual(blockers(denied.denials[0]!), ['fs.resolve_unix']);
});
