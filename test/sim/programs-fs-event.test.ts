import assert from 'node:assert/strict';
import test from 'node:test';
import {
  ABILITIES,
  checkSubtype,
  FS_ACTIONS,
  FS_EVENTS,
  FS_OPERATIONS,
  type FsEvent,
  helpersOf,
} from '../../packages/landward/src/model/programs/fs-event.ts';

const PLAIN = { version: 1, event: 'fs', options: 0, abilities: 0 };

test('the event of 2016: one bit an action, and each event carries its own [R-002-40]', () => {
  const bits = Object.values(FS_ACTIONS);
  assert.deepEqual(
    bits,
    bits.map((_, bit) => 1 << bit),
  );
  assert.equal(bits.length, 9);
  for (const [name, events] of Object.entries(FS_OPERATIONS))
    for (const { event, actions } of events) {
      const mask = FS_EVENTS[event].reduce((all, action) => all | FS_ACTIONS[action], 0);
      assert.notEqual(actions, 0, name);
      assert.equal(actions & ~mask, 0, name);
    }
  // Nothing can be done to two places without being seen at both.
  assert.deepEqual(
    FS_OPERATIONS.rename.map(({ on }) => on),
    ['directory', 'object', 'other directory'],
  );
});

test('the event of 2016: what is declared is checked, abilities are for administrators [R-002-40]', () => {
  for (const event of Object.keys(FS_EVENTS) as FsEvent[])
    assert.deepEqual(checkSubtype({ ...PLAIN, event }, false), { ok: true, value: event });
  const errno = (subtype: Partial<typeof PLAIN>, sysAdmin: boolean) => {
    const result = checkSubtype({ ...PLAIN, ...subtype }, sysAdmin);
    return result.ok ? 0 : result.errno;
  };
  for (const wrong of [{ version: 0 }, { version: 2 }, { event: 'net' }, { options: 1 }, { abilities: 4 }])
    assert.equal(errno(wrong, true), 22, JSON.stringify(wrong));
  for (const abilities of [ABILITIES.write, ABILITIES.debug, ABILITIES.write | ABILITIES.debug]) {
    assert.equal(errno({ abilities }, false), 1);
    assert.equal(errno({ abilities }, true), 0);
  }
  // What does not exist is told before what is not permitted.
  assert.equal(errno({ abilities: 5 }, false), 22);
});

test('the event of 2016: without abilities a program changes nothing and learns nobody [R-002-40]', () => {
  const plain = helpersOf({ abilities: 0 });
  assert.deepEqual(plain, ['map_lookup', 'handle_fs_get_mode']);
  const writing = helpersOf({ abilities: ABILITIES.write });
  assert.deepEqual(writing.slice(2), ['map_update', 'map_delete']);
  assert.ok(!writing.some((name) => /pid|uid|comm|trace/.test(name)));
  assert.ok(helpersOf({ abilities: ABILITIES.debug }).includes('get_pid'));
});
