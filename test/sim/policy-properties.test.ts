/** What holds for every policy: order means nothing, limits only narrow, printing and reading are inverse. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import { readQuestion } from '../../packages/landward/src/policy/ask.ts';
import { writeQuestion } from '../../packages/landward/src/policy/ask-write.ts';
import { canonicalJson } from '../../packages/landward/src/policy/canonical.ts';
import { diffPolicies } from '../../packages/landward/src/policy/diff.ts';
import { isRefusal } from '../../packages/landward/src/policy/expand.ts';
import { lintPolicy } from '../../packages/landward/src/policy/lint.ts';
import type { Policy } from '../../packages/landward/src/policy/policy.ts';
import { printPolicy } from '../../packages/landward/src/policy/print.ts';
import { systemScope } from '../../packages/landward/src/policy/vars.ts';
import { definition, grantDefinition, request } from '../kit/policy-arbitrary.ts';
import { resolveInputs, VARIABLES } from '../kit/policy-text.ts';

const OPENNESS = { deny: 0, hide: 1, ask: 2, allow: 3 } as const;

/** Any order of the items of every list and of the keys of every table. */
function shuffled(value: unknown, random: () => number): unknown {
  const order = <T>(list: readonly T[]) =>
    list
      .map((item) => [random(), item] as const)
      .sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  if (Array.isArray(value)) return order(value).map((item) => shuffled(item, random));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    order(Object.entries(value)).map(([key, inner]) => [key, shuffled(inner, random)]),
  );
}

describe('every policy', () => {
  it('means the same in any order', async () => {
    await fc.assert(
      fc.asyncProperty(
        grantDefinition,
        fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 7, maxLength: 7 }),
        fc.array(request, { maxLength: 5 }),
        async (value, seeds, requests) => {
          let state = 1;
          const random = () => {
            state = (state * 31 + seeds[state % seeds.length]!) % 65_537;
            return state;
          };
          const policy = await resolveInputs([{ name: 'x', value }]);
          const other = await resolveInputs([{ name: 'x', value: shuffled(value, random) as never }]);
          assert.equal(canonicalJson(other), canonicalJson(policy));
          for (const asked of requests)
            assert.equal(decideRules(other.layers, asked).verdict, decideRules(policy.layers, asked).verdict);
        },
      ),
      { seed: 1, numRuns: 200 },
    );
  });

  it('is never wider with a limit added', async () => {
    await fc.assert(
      fc.asyncProperty(
        grantDefinition,
        definition,
        fc.array(request, { minLength: 1, maxLength: 8 }),
        async (grant, limit, requests) => {
          const alone = await resolveInputs([{ name: 'g', value: grant }]);
          const both = await resolveInputs([
            { name: 'g', value: grant },
            { name: 'l', value: limit, layer: 'limit' },
          ]);
          for (const asked of requests) {
            const before = decideRules(alone.layers, asked).verdict;
            const after = decideRules(both.layers, asked).verdict;
            assert.ok(OPENNESS[after] <= OPENNESS[before], `${writeQuestion(asked)}: ${before} -> ${after}`);
          }
          for (const key of ['ioUring', 'ptrace', 'namespaces', 'terminalInjection'] as const) {
            assert.ok(both.process[key] === 'deny' || alone.process[key] === 'allow');
          }
          for (const key of ['procs', 'memoryBytes', 'cpuSeconds', 'timeMs', 'coreBytes'] as const) {
            assert.ok(
              (both.limits[key] ?? Number.POSITIVE_INFINITY) <=
                (alone.limits[key] ?? Number.POSITIVE_INFINITY),
            );
          }
          const wider = diffPolicies(alone, both).wider.filter(
            (change) => !('setting' in change && change.setting === 'net.subject'),
          );
          assert.deepEqual(wider, []);
        },
      ),
      { seed: 2, numRuns: 120 },
    );
  });

  it('is never narrower with a grant of allows added', async () => {
    await fc.assert(
      fc.asyncProperty(
        definition,
        fc.array(request, { minLength: 1, maxLength: 8 }),
        async (value, requests) => {
          const { fs, ...rest } = value;
          const allowing = {
            ...rest,
            fs: {
              ...(fs?.read === undefined ? {} : { read: fs.read }),
              ...(fs?.write === undefined ? {} : { write: fs.write }),
            },
            net: { ...(value.net?.connect === undefined ? {} : { connect: value.net.connect }) },
            unix: {},
            process: {},
            kernel: {},
          };
          const one = await resolveInputs([
            { name: 'a', value: { fs: { exec: ['/a'] }, net: { listen: ['tcp:80-90'] } } },
          ]);
          const two = await resolveInputs([
            { name: 'a', value: { fs: { exec: ['/a'] }, net: { listen: ['tcp:80-90'] } } },
            { name: 'b', value: allowing },
          ]);
          for (const asked of requests) {
            if (asked.kind === 'refer') continue;
            assert.ok(
              OPENNESS[decideRules(two.layers, asked).verdict] >=
                OPENNESS[decideRules(one.layers, asked).verdict],
              writeQuestion(asked),
            );
          }
        },
      ),
      { seed: 3, numRuns: 120 },
    );
  });

  it('is read again as it was printed', async () => {
    await fc.assert(
      fc.asyncProperty(grantDefinition, fc.array(definition, { maxLength: 2 }), async (grant, limits) => {
        const policy = await resolveInputs([
          { name: 'g', value: grant },
          ...limits.map((value, index) => ({ name: `l${index}`, value, layer: 'limit' as const })),
        ]);
        const texts = printPolicy(policy);
        const again = await resolveInputs(
          texts.map(({ name, toml }) => ({ name, text: toml, format: 'toml' as const })),
        );
        assert.equal(
          canonicalJson(again),
          canonicalJson(policy),
          texts.map(({ toml }) => toml).join('\n---\n'),
        );
        assert.deepEqual(reasons(again), reasons(policy));
        assert.deepEqual(
          again.tests.map(({ expect, request: asked }) => [expect, asked]),
          policy.tests.map(({ expect, request: asked }) => [expect, asked]),
        );
        assert.deepEqual(
          printPolicy(again)
            .map(({ toml }) => toml)
            .join(),
          texts.map(({ toml }) => toml).join(),
        );
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  it('differs from itself in nothing, and from another in what the model says', async () => {
    await fc.assert(
      fc.asyncProperty(
        definition,
        definition,
        fc.array(request, { minLength: 1, maxLength: 6 }),
        async (a, b, requests) => {
          const one = await resolveInputs([{ name: 'a', value: a }]);
          const two = await resolveInputs([{ name: 'b', value: b }]);
          assert.deepEqual(diffPolicies(one, one), {
            wider: [],
            narrower: [],
            complete: diffPolicies(one, one).complete,
          });
          const { wider, narrower, complete } = diffPolicies(one, two);
          assert.deepEqual(objectsOf(diffPolicies(two, one).wider), objectsOf(narrower));
          if (!complete || wider.some((change) => 'object' in change)) return;
          for (const asked of requests) {
            if (asked.kind === 'refer' || (asked.kind === 'path' && asked.rights.length > 1)) continue;
            assert.ok(
              OPENNESS[decideRules(two.layers, asked).verdict] <=
                OPENNESS[decideRules(one.layers, asked).verdict],
              writeQuestion(asked),
            );
          }
        },
      ),
      { seed: 5, numRuns: 80 },
    );
  });

  it('can be linted, and each finding is of the table and has a place or none', async () => {
    await fc.assert(
      fc.asyncProperty(grantDefinition, async (value) => {
        const policy = await resolveInputs([{ name: 'x', value }]);
        for (const { code, severity, text } of lintPolicy(policy, VARIABLES))
          assert.ok(code && severity && text);
      }),
      { seed: 6, numRuns: 100 },
    );
  });
});

describe('every request', () => {
  it('is read again as it was written', () => {
    const { lookup } = systemScope(VARIABLES);
    fc.assert(
      fc.property(request, (drawn) => {
        const asked = structuredClone(drawn);
        const again = readQuestion(writeQuestion(asked), lookup);
        assert.ok(!isRefusal(again), JSON.stringify(again));
        const expected =
          asked.kind === 'path'
            ? { ...asked, rights: new Set(asked.rights) }
            : asked.kind === 'net' && asked.name !== undefined
              ? withoutAddress(asked)
              : asked;
        assert.deepEqual(
          again.kind === 'path' ? { ...again, rights: new Set(again.rights) } : again,
          expected,
        );
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

function withoutAddress<T extends { readonly address?: string }>(asked: T): Omit<T, 'address'> {
  const { address: _address, ...rest } = asked;
  return rest;
}

/** The rule changes of a diff, by object and rights. */
function objectsOf(changes: readonly object[]): Set<string> {
  return new Set(
    changes.flatMap((change) =>
      'object' in change && 'rights' in change ? [JSON.stringify([change.object, change.rights])] : [],
    ),
  );
}

/** The reasons of a policy, as a set: printing groups rules by their keys. */
function reasons({ layers }: Policy): Set<string> {
  const rules = layers.flatMap((layer) => layer.rules).filter(({ because }) => because !== undefined);
  return new Set(rules.map(({ verdict, kind, because }) => JSON.stringify([verdict, kind, because])));
}
