/**
 * A program that is denied once for each class of rights that Landlock of ABI 7 has, in a known order, and says what it
 * got: run in a child as root. Prints a JSON object with its pid and the errno of each call.
 *
 * Its own copy of the mount tree is left with it; everything else is below the directory that it is given.
 */

import { mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, call } from '../../packages/landward/src/kernel/call.ts';
import { addPaths, createRuleset, restrictSelf } from '../../packages/landward/src/kernel/landlock.ts';
import { setNoNewPrivs } from '../../packages/landward/src/kernel/process.ts';
import { abiRow } from '../../packages/landward/src/uapi/landlock.ts';
import { fsMask, netMask, scopeMask } from '../../packages/landward/src/uapi/masks.ts';

const [directory, abstractName] = process.argv.slice(-2) as [string, string];
const AT = -100;
const at = (name: string) => Buffer.from(`${join(directory, name)}\0`);
const O = { WRONLY: 1, RDWR: 2, CREAT: 0o100, TRUNC: 0o1000, DIRECTORY: 0o200000 };
const S = { FIFO: 0o10000, CHR: 0o20000, BLK: 0o60000 };

for (const name of ['dir', 'from', 'to', 'mnt']) mkdirSync(join(directory, name));
for (const name of ['file', 'helper', 'writable', 'from/f', 'we"ird na\nme'])
  writeFileSync(join(directory, name), '', { mode: 0o755 });
call('unshare', 'unshare', 0x20000);
call('make private', 'mount', Buffer.from('x\0'), Buffer.from('/\0'), null, (1 << 18) | (1 << 14), null);
call('mount', 'mount', Buffer.from('t\0'), at('mnt'), Buffer.from('tmpfs\0'), 0, null);
const sockets = {
  inet: call('s', 'socket', 2, 1, 0),
  unix: call('s', 'socket', 1, 1, 0),
  bound: call('s', 'socket', 1, 1, 0),
};

const row = abiRow(7);
const ruleset = createRuleset({
  fs: row.fs,
  net: netMask('net.bind_tcp', 'net.connect_tcp'),
  scoped: scopeMask('scope.signal', 'scope.abstract_unix_socket'),
});
const grant = (path: Buffer, access: number) => {
  const fd = call('open', 'openat', AT, path, 0o10000000, 0);
  addPaths(ruleset, [{ fd, access, name: 'a path of the test' }]);
  attempt('close', fd);
};
grant(at('writable'), fsMask('fs.write_file'));
grant(Buffer.from('/dev/zero\0'), fsMask('fs.read_file'));

const inet = (port: number) =>
  Buffer.from([2, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const unix = (name: Buffer) => Buffer.concat([Buffer.from([1, 0]), name]);
const results: number[] = [];
const abstract = unix(Buffer.from(`\0${abstractName}`));
const path = unix(at('socket'));

setNoNewPrivs();
restrictSelf(ruleset);
const denied = (...args: Parameters<typeof attempt>) => results.push(attempt(...args));
denied('openat', AT, at('file'), 0, 0);
denied('openat', AT, at('file'), O.WRONLY, 0);
denied('openat', AT, at('file'), O.RDWR | O.TRUNC, 0);
denied('openat', AT, at('dir'), O.DIRECTORY, 0);
denied('openat', AT, at('we"ird na\nme'), 0, 0);
denied('execve', at('helper'), null, null);
denied('mkdirat', AT, at('new'), 0o700);
denied('openat', AT, at('new'), O.CREAT | O.WRONLY, 0o600);
denied('mknodat', AT, at('new'), S.FIFO | 0o600, 0);
denied('mknodat', AT, at('new'), S.CHR | 0o600, 0x103);
denied('mknodat', AT, at('new'), S.BLK | 0o600, 0x700);
denied('symlinkat', at('file'), AT, at('new'));
denied('bind', sockets.bound, path, path.length);
denied('unlinkat', AT, at('file'), 0);
denied('unlinkat', AT, at('dir'), 0x200);
denied('renameat2', AT, at('from/f'), AT, at('to/g'), 0);
denied('truncate', at('file'), 0);
const writable = attempt('openat', AT, at('writable'), O.WRONLY, 0);
denied('ftruncate', writable, 0);
const zero = attempt('openat', AT, Buffer.from('/dev/zero\0'), 0, 0);
denied('ioctl', zero, 0x5401, 0);
denied('mount', Buffer.from('t\0'), at('dir'), Buffer.from('tmpfs\0'), 0, null);
denied('umount2', at('mnt'), 0);
denied('bind', sockets.inet, inet(8080), 16);
denied('connect', sockets.inet, inet(443), 16);
denied('connect', sockets.unix, abstract, abstract.length);
denied('kill', process.ppid, 0);
denied('ptrace', 16, process.ppid, 0, 0);
// A thread that is not restricted would be needed to end in order: reads of Node at its end would be denied too.
writeSync(1, `${JSON.stringify({ pid: process.pid, results, opened: [writable, zero] })}\n`);
attempt('exit_group', 0);
