import assert from 'node:assert/strict';
import test from 'node:test';
import { compiled } from '../kit/compiled.ts';
import { needs } from '../kit/needs.ts';
import { runSocketFlip, SOCKET_FLIPS } from './sockets-flips.ts';

/** `npm run races` makes more of them. */
const ATTEMPTS = 20_000;
/** Enough that a decision without an act is broken for certain. */
const CONTROLS = 4000;

for (const flip of SOCKET_FLIPS)
  test(`flipping ${flip} reaches nothing that is denied`, needs({ tools: ['cc'] }), async (t) => {
    const program = compiled(t, 'socket-flips', 'test/fixtures/socket-flips.c');
    const looking = await runSocketFlip(flip, program, CONTROLS, true);
    assert.ok(looking.escaped > 0, `the supervisor that only looks held: ${JSON.stringify(looking)}`);
    const outcome = await runSocketFlip(flip, program, ATTEMPTS);
    assert.equal(outcome.escaped, 0);
    assert.ok(outcome.refused > 0, JSON.stringify(outcome));
    // An address that means nothing to IPv6 is sent nowhere: there every attempt fails.
    assert.ok(outcome.passed > 0 || flip === 'descriptor', JSON.stringify(outcome));
  });
