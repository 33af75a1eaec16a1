/** From decisions to records: audit, trace events and lines of 2023, for every kind of denial. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  accessPath,
  bind,
  changeTopology,
  connect,
  type Decision,
  type Denied,
  fileIoctl,
  forked,
  linux,
  open,
  plainLandlock,
  ptrace,
  reachSocket,
  refer,
  send,
  signal,
  type Task,
  UNRESTRICTED,
} from '../../packages/landward/src/model/landlock/index.ts';
import type { Dentry } from '../../packages/landward/src/model/landlock/world.ts';
import {
  type Describe,
  lineOfDenial,
  parseLine2023,
  parseTrace,
  renderAudit,
  renderLine2023,
  renderTrace,
  startJournal,
  traceDenial,
} from '../../packages/landward/src/model/records/index.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';

const describe: Describe = {
  path: () => ({ path: '/tmp/x/f1', file: { dev: 'tmpfs', ino: 7n } }),
  mount: () => ({ name: '/', file: { dev: 'tmpfs', ino: 1n } }),
  task: (task) => ({ pid: task.process.pid ?? 0, comm: 'llt' }),
  net: () => ({ daddr: '127.0.0.1', saddr: '127.0.0.1' }),
  socket: () => 'llsock',
  enforcer: () => ({ pid: 9, uid: 0, exe: '/tmp/x/llt', comm: 'llt' }),
};
const at = (serial: number) => ({ seconds: 1, milliseconds: 2, serial });

test('decisions become the records that Linux writes', () => {
  const { credential } = plainLandlock(
    linux(11),
    [{ handledFs: fsMask('fs.read_file'), handledNet: 0, scoped: 0, paths: [], ports: [] }],
    () => null,
  );
  const tracer: Task = { process: { pid: 5 }, credential };
  const tracee: Task = { process: { pid: 4 }, credential: forked(UNRESTRICTED, true) };
  const decision = ptrace(linux(11), tracer.credential, tracee) as Denied;
  const journal = startJournal(describe);
  const first = journal.denied(decision.denials, at(1)).map(renderAudit);
  const second = journal.denied(decision.denials, at(2)).map(renderAudit);
  assert.deepEqual(first, [
    'audit(1.002:1): domain=0 blockers=ptrace opid=4 ocomm="llt"',
    'audit(1.002:1): domain=0 status=allocated mode=enforcing pid=9 uid=0 exe="/tmp/x/llt" comm="llt"',
  ]);
  assert.deepEqual(second, ['audit(1.002:2): domain=0 blockers=ptrace opid=4 ocomm="llt"']);
  const { node } = decision.denials[0]!;
  assert.deepEqual(journal.freed(node, at(3)).map(renderAudit), [
    'audit(1.002:3): domain=0 status=deallocated denials=2',
  ]);
  assert.deepEqual(journal.freed(node, at(4)), []);

  const trace = traceDenial(decision.denials[0]!, true, describe, {
    inode: () => ({ major: 0, minor: 30, ino: 7n }),
    path: () => '/tmp/x/f1',
    peer: () => null,
    peerPid: () => 0,
  });
  assert.equal(
    renderTrace({ comm: 'llt', pid: 5, what: trace }),
    'llt-5 landlock_deny_ptrace: domain=0 same_exec=1 logged=1 tracee_domain=0 tracee_pid=4 tracee_comm=llt',
  );
  const line = lineOfDenial(
    decision.denials[0]!,
    { actor: { tid: 5, comm: 'llt' }, op: 'ptrace', errno: decision.errno, domain: 2n },
    describe,
  );
  assert.equal(
    renderLine2023(line!),
    'tid=5 comm="llt" domain=2 op=ptrace errno=1 missing-fs-accesses= missing-permission=ptrace opid=4 ocomm="llt"',
  );
});

test('while audit is off nothing is written, but denials count', () => {
  const { credential } = plainLandlock(
    linux(11),
    [{ handledFs: fsMask('fs.read_file'), handledNet: 0, scoped: 0, paths: [], ports: [] }],
    () => null,
  );
  const tracee: Task = { process: { pid: 4 }, credential: UNRESTRICTED };
  const { denials } = ptrace(linux(11), credential, tracee) as Denied;
  let on = false;
  const journal = startJournal(describe, () => on);
  assert.deepEqual(journal.denied(denials, at(1)), []);
  on = true;
  assert.equal(journal.denied(denials, at(2)).length, 2);
  const [end] = journal.freed(denials[0]!.node, at(3));
  assert.ok(end?.type === 'deallocated' && end.denials === 2n);
});

test('every kind of decision becomes a record, a trace event and, where it had one, a line of 2023', () => {
  const L11 = linux(11);
  const all = { handledFs: 0x1ffff, handledNet: 0xf, scoped: 3, paths: [], ports: [] };
  const { credential } = plainLandlock(L11, [all], () => 'dir');
  const superblock = { noUser: false };
  const make = (type: 'reg' | 'dir' | 'char', parent: Dentry | null): Dentry => ({
    inode: { type, superblock, private: false },
    parent,
  });
  const root = make('dir', null);
  const [d1, d2, device] = [make('dir', root), make('dir', root), make('char', root)];
  const mount = { root, parent: null, mountpoint: null, internal: false };
  const names = new Map<Dentry, string>([
    [root, '/'],
    [d1, '/d1'],
    [d2, '/d2'],
    [device, '/dev/x'],
  ]);
  const told: Describe = {
    ...describe,
    path: ({ dentry }) => ({ path: names.get(dentry)!, file: { dev: 'tmpfs', ino: 7n } }),
  };
  const at = (dentry: Dentry) => ({ mount, dentry });
  const opened = open(L11, UNRESTRICTED, at(device), { read: true, write: false });
  assert.ok(opened.allowed);
  const inside = open(
    L11,
    plainLandlock(L11, [{ ...all, handledFs: fsMask('fs.ioctl_dev') }], () => 'dir').credential,
    at(device),
    { read: true, write: false },
  );
  assert.ok(inside.allowed);
  const tcp = { family: 'inet', type: 'stream', protocol: 6, bound: false } as const;
  const udp = { family: 'inet6', type: 'dgram', protocol: 17, bound: false } as const;
  const to = (port: number) => ({ length: 16, family: 'inet', port }) as const;
  const outside: Task = { process: { pid: 4 }, credential: UNRESTRICTED };
  const self: Task = { process: { pid: 5 }, credential };
  const file = (text: string) => ` path="${text}" dev="tmpfs" ino=7`;
  const cases: [Decision, string[], string[]][] = [
    [
      accessPath(L11, credential, at(d1), fsMask('fs.read_dir')),
      [`fs.read_dir${file('/d1')}`],
      ['deny_access_fs'],
    ],
    [
      refer(L11, credential, {
        operation: 'rename',
        mount,
        source: make('reg', d1),
        directory: d2,
        target: { inode: null, parent: d2 },
      }),
      [`fs.remove_file,fs.refer${file('/d1')}`, `fs.make_reg,fs.refer${file('/d2')}`],
      ['deny_access_fs', 'deny_access_fs'],
    ],
    [
      fileIoctl(L11, { path: at(device), rights: inside.rights }, 0x8008_1272),
      [`fs.ioctl_dev${file('/dev/x')} ioctlcmd=0x1272`],
      ['deny_access_fs'],
    ],
    [
      changeTopology(L11, credential, { kind: 'path', path: at(d1) }),
      [`fs.change_topology${file('/d1')}`],
      ['deny_access_fs'],
    ],
    [
      changeTopology(L11, credential, { kind: 'mount', mount, root }),
      ['fs.change_topology name="/" dev="tmpfs" ino=1'],
      ['deny_access_fs'],
    ],
    [bind(L11, credential, tcp, to(8080)), ['net.bind_tcp saddr=127.0.0.1 src=8080'], ['deny_access_net']],
    [
      connect(L11, credential, tcp, to(443)),
      ['net.connect_tcp daddr=127.0.0.1 dest=443'],
      ['deny_access_net'],
    ],
    [
      send(L11, credential, udp, { length: 24, family: 'unspec', port: 0 }),
      ['net.connect_send_udp'],
      ['deny_access_net'],
    ],
    [
      reachSocket(L11, credential, { creator: null, bound: 'abstract' }),
      ['scope.abstract_unix_socket path=006C6C736F636B'],
      ['deny_scope_abstract_unix_socket'],
    ],
    [signal(L11, self, outside), ['scope.signal opid=4 ocomm="llt"'], ['deny_scope_signal']],
    [ptrace(L11, credential, outside), ['ptrace opid=4 ocomm="llt"'], ['deny_ptrace']],
  ];
  const trace = {
    inode: () => ({ major: 0, minor: 30, ino: 7n }),
    path: () => '/d1',
    peer: () => credential.domain,
    peerPid: () => 3,
  };
  for (const [decision, records, events] of cases) {
    assert.ok(!decision.allowed, records.join());
    const written = startJournal(told)
      .denied(decision.denials, { seconds: 1, milliseconds: 2, serial: 1 })
      .filter((record) => record.type === 'access');
    assert.deepEqual(
      written.map((record) => renderAudit(record)),
      records.map((record) => `audit(1.002:1): domain=0 blockers=${record}`),
    );
    const traced = decision.denials.map((denial) => traceDenial(denial, true, told, trace));
    assert.deepEqual(
      traced.map(({ event }) => event),
      events,
    );
    for (const what of traced) {
      assert.deepEqual(parseTrace(renderTrace({ comm: 'llt', pid: 5, what })), {
        ok: true,
        value: { comm: 'llt', pid: 5, what },
      });
    }
    for (const denial of decision.denials) {
      const context = {
        actor: { tid: 5, comm: 'llt' },
        op: 'open',
        errno: decision.errno,
        domain: 2n,
      } as const;
      const line = lineOfDenial(denial, context, told);
      assert.equal(line === null, denial.class === 'net' || denial.class === 'scope');
      if (line !== null) assert.deepEqual(parseLine2023(renderLine2023(line)), { ok: true, value: line });
    }
  }
});
