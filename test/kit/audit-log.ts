/**
 * A synthetic log of an audit daemon: events of Landlock as a host writes them, interleaved, with a share of lines that
 * are something else or broken. The same seed gives the same bytes.
 *
 * What is in it is counted by `audit-log.awk`, which shares no line with landward's parser.
 */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './needs.ts';

const RIGHTS = [
  'fs.read_file',
  'fs.write_file',
  'fs.execute',
  'fs.make_reg',
  'fs.remove_file',
  'fs.refer',
  'fs.read_dir',
];
const PLACES = [
  '/etc/shadow',
  '/home/u/.ssh/id_ed25519',
  '/tmp/x/f1',
  '/var/lib/dpkg/status',
  '/proc/1/environ',
];

export interface SyntheticLog {
  /** About so many bytes; the last event is whole. */
  readonly bytes: number;
  /** How many lines in a hundred are noise. */
  readonly noise: number;
  readonly seed: number;
  /** How many other lines of a host (logins, executions) come on each event of Landlock. */
  readonly others?: number;
}

/** Gives the log in pieces of about a megabyte. */
export function* syntheticLog({ bytes, noise, seed, others = 0 }: SyntheticLog): Generator<Buffer> {
  const random = mulberry(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const hex = (text: string) => Buffer.from(text).toString('hex').toUpperCase();
  let serial = 1;
  let millis = 1_795_312_770_000;
  let domain = 0x1bb03a3b7n;
  const open: { id: bigint; denials: number; named: boolean }[] = [];
  let piece: string[] = [];
  let size = 0;
  let total = 0;

  const line = (text: string) => {
    piece.push(text, '\n');
    size += text.length + 1;
  };
  const stamp = () =>
    `audit(${Math.floor(millis / 1000)}.${String(millis % 1000).padStart(3, '0')}:${serial})`;
  const object = (right: string) => {
    if (random() < 0.1) return `path=${hex(`/tmp/näme ${serial % 97}\n`)} dev="tmpfs" ino=${serial}`;
    if (right === 'fs.read_dir' && random() < 0.2)
      return `path="/dev/loop0" dev="devtmpfs" ino=94 ioctlcmd=0x1272`;
    return `path="${pick(PLACES)}" dev="vda2" ino=${10_000 + (serial % 5000)}`;
  };
  const blame = () => {
    const dice = random();
    if (dice < 0.06)
      return `blockers=net.connect_tcp daddr=10.0.0.${serial % 250} dest=${1 + (serial % 60_000)}`;
    if (dice < 0.08) return 'blockers=net.bind_tcp';
    if (dice < 0.1) return `blockers=scope.signal opid=${serial % 4000} ocomm="sshd"`;
    if (dice < 0.12) return `blockers=ptrace opid=${serial % 4000} ocomm=${hex('a b')}`;
    if (dice < 0.14) return `blockers=scope.abstract_unix_socket path=00${hex(`bus-${serial % 11}`)}`;
    const right = pick(RIGHTS);
    const more = right === 'fs.write_file' && random() < 0.3 ? ',fs.read_file' : '';
    return `blockers=${right}${more} ${object(right)}`;
  };
  const access = (id: bigint) => `type=LANDLOCK_ACCESS msg=${stamp()}: domain=${id.toString(16)} ${blame()}`;
  const other = () =>
    pick([
      () =>
        `type=USER_AUTH msg=${stamp()}: pid=812 uid=0 auid=1000 ses=3 msg='op=PAM:authentication acct="u" res=success'`,
      () => `type=EXECVE msg=${stamp()}: argc=2 a0="grep" a1="type=LANDLOCK_ACCESS"`,
      () => `type=CWD msg=${stamp()}: cwd="/home/u/LANDLOCK_ACCESS"`,
      () =>
        `type=SERVICE_START msg=${stamp()}: pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=cron comm="systemd" res=success'`,
    ])();
  const quiet = () =>
    `type=USER_ACCT msg=${stamp()}: pid=${serial % 30_000} uid=0 auid=4294967295 ses=4294967295 msg='op=PAM:accounting grantors=pam_permit acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success'`;
  const broken = () => {
    const whole =
      random() < 0.8
        ? access(domain)
        : `type=LANDLOCK_DOMAIN msg=${stamp()}: domain=${domain.toString(16)} status=allocated mode=enforcing pid=7 uid=0 exe="/bin/x" comm="x"`;
    const cut = whole.slice(0, Math.floor(random() * whole.length));
    const dice = random();
    if (dice < 0.5) return cut;
    if (dice < 0.7) return `${cut}${other()}`;
    if (dice < 0.8) return `type=LANDLOCK_LATER msg=${stamp()}: domain=1 thing=2`;
    return Array.from({ length: 40 }, () => String.fromCharCode(32 + Math.floor(random() * 224)))
      .join('')
      .replace(/^type/, 'tyne');
  };
  const noisy = (text: string) => {
    while (random() * 100 < noise) line(random() < 0.5 ? other() : broken());
    line(text);
  };

  while (total + size < bytes) {
    serial++;
    millis += Math.floor(random() * 3);
    if (open.length < 8) {
      domain += BigInt(1 + Math.floor(random() * 16));
      open.push({ id: domain, denials: 0, named: false });
    }
    for (let index = 0; index < others; index++) line(quiet());
    const one = pick(open);
    noisy(access(one.id));
    if (!one.named) {
      one.named = true;
      noisy(
        `type=LANDLOCK_DOMAIN msg=${stamp()}: domain=${one.id.toString(16)} status=allocated mode=enforcing pid=${1000 + (serial % 9000)} uid=1000 exe="/usr/bin/make" comm="make"`,
      );
    }
    one.denials++;
    if (random() < 0.7) {
      noisy(
        `type=SYSCALL msg=${stamp()}: arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=7ffd a2=0 a3=0 items=0 ppid=1 pid=${serial % 30_000} auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=1 comm="cat" exe="/usr/bin/cat" key=(null)`,
      );
      noisy(`type=PROCTITLE msg=${stamp()}: proctitle=${hex('cat\0/etc/shadow')}`);
    }
    if (random() < 0.02) {
      open.splice(open.indexOf(one), 1);
      serial++;
      noisy(
        `type=LANDLOCK_DOMAIN msg=${stamp()}: domain=${one.id.toString(16)} status=deallocated denials=${one.denials}`,
      );
    }
    if (size > 1 << 20) {
      yield Buffer.from(piece.join(''), 'latin1');
      total += size;
      size = 0;
      piece = [];
    }
  }
  if (size > 0) yield Buffer.from(piece.join(''), 'latin1');
}

/** What awk counts in a log: `denials`, `malformed`, `named`, `freed`, and one number a right. */
export function awkCounts(file: string): Readonly<Record<string, number>> {
  const script = join(root, 'test/kit/audit-log.awk');
  const awk = spawnSync('awk', ['-f', script, file], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  });
  if (awk.status !== 0) throw new Error(`awk failed: ${awk.stderr}`);
  return Object.fromEntries(
    awk.stdout
      .trim()
      .split('\n')
      .map((row) => row.split(' '))
      .map(([name, count]) => [name!, Number(count)]),
  );
}

/** Numbers from 0 to 1, always the same ones for a seed. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
