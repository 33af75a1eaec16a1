import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findMapping } from '../../packages/landward/src/supervisor/target/mapping.ts';

test('a mapping is found behind any number of others, wherever pieces end', () => {
  const line = (start: number, path: string) =>
    `${start.toString(16).padStart(12, '0')}-${(start + 4096).toString(16)} r--p 00000000 fe:01 ${start / 4096}   ${path}\n`;
  const lines = Array.from({ length: 3000 }, (_, index) =>
    line(0x7000_0000_0000 + index * 8192, `/lib/${index} ü`),
  );
  const text = Buffer.from(lines.join(''));
  assert.ok(text.length > 3 * 65_536);
  const pieces = function* (size: number) {
    for (let at = 0; at < text.length; at += size) yield text.subarray(at, at + size);
  };
  for (const size of [7, 4096, 65_536])
    for (const index of [0, 1500, 2999]) {
      const start = 0x7000_0000_0000 + index * 8192;
      const found = { path: `/lib/${index} ü`, ino: BigInt(start / 4096) };
      assert.deepEqual(findMapping(pieces(size), BigInt(start)), found);
      assert.equal(findMapping(pieces(size), BigInt(start + 4096)), null);
    }
});
