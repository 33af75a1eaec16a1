import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { ERRNO, errnoName } from '../../packages/landward/src/uapi/errno.ts';

test('every error number that Node knows agrees with the table', () => {
  const aliases: Readonly<Record<string, string>> = {
    EWOULDBLOCK: 'EAGAIN',
    EOPNOTSUPP: 'EOPNOTSUPP',
    ENOTSUP: 'EOPNOTSUPP',
  };
  const known = Object.entries(constants.errno);
  assert.ok(known.length > 70);
  for (const [name, number] of known) {
    assert.equal(ERRNO[(aliases[name] ?? name) as keyof typeof ERRNO], number, name);
  }
});

test('a number has one name, signed or not, and an unknown number says so', () => {
  assert.equal(new Set(Object.values(ERRNO)).size, Object.keys(ERRNO).length);
  for (const [name, number] of Object.entries(ERRNO)) {
    assert.equal(errnoName(number), name);
    assert.equal(errnoName(-number), name);
  }
  assert.equal(errnoName(4000), 'errno 4000');
});
