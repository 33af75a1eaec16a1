/** The limiter of `examples/rate-limit`: its clock is the time of the requests, so that it can be told any time. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limiter } from '../../examples/rate-limit/limiter.mts';

const connect = (time: number) => ({ rights: ['net.connect_tcp'], time });

test('no stretch of time has more connections than allowed, and none is refused without need', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.nat(40), { maxLength: 60 }),
      (most, everyMs, pauses) => {
        const decide = limiter(most, everyMs);
        const passed: number[] = [];
        let time = 1_000_000;
        for (const pause of pauses) {
          time += pause;
          const near = passed.filter((one) => one > time - everyMs).length;
          assert.equal(decide(connect(time)) === 'deny', near >= most);
          if (near < most) passed.push(time);
        }
      },
    ),
  );
});

test('the same requests get the same answers, and other requests do not count', () => {
  const times = [0, 1, 2, 3, 59_999, 60_000, 60_001, 60_002, 60_003];
  const answers = () => {
    const decide = limiter(3, 60_000);
    return times.map((time) => {
      assert.equal(decide({ rights: ['net.bind_tcp'], time }), undefined);
      return decide(connect(time));
    });
  };
  const expected = [undefined, undefined, undefined, 'deny', 'deny', undefined, undefined, undefined, 'deny'];
  assert.deepEqual(answers(), expected);
  assert.deepEqual(answers(), expected);
});
