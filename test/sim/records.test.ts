/** Records: every line that Linux wrote reads and renders byte for byte; hostile lines are refused. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';

import {
  type AuditRecord,
  decodeBytes,
  encodeBytes,
  type Line2023,
  OPERATIONS_2023,
  parseAudit,
  parseLine2023,
  parseTrace,
  type RecordObject,
  renderAudit,
  renderAuditLine,
  renderLine2023,
  renderTrace,
  TRACE_EVENTS,
  type TraceEvent,
} from '../../packages/landward/src/model/records/index.ts';
import { FS_RIGHTS, type FsRight } from '../../packages/landward/src/uapi/landlock.ts';

const corpus = readFileSync(new URL('../fixtures/audit-corpus.txt', import.meta.url), 'utf8').split('\n');
const auditLines = corpus.filter((line) => line.startsWith('type=LANDLOCK_'));
const traceLines = corpus.filter((line) => / landlock_\w+: /.test(line) && !line.startsWith('#'));

test('every audit record that Linux wrote reads and renders byte for byte', () => {
  assert.ok(auditLines.length > 100);
  const kinds = new Set<string>();
  for (const line of auditLines) {
    const parsed = parseAudit(line);
    assert.ok(parsed.ok, `${line}: ${parsed.ok ? '' : parsed.reason}`);
    assert.equal(renderAuditLine(parsed.value), line);
    assert.equal(parsed.value.foreign, undefined, line);
    const payload = line.slice(line.indexOf('audit('));
    const number = parsed.value.type === 'access' ? 1423 : 1424;
    assert.deepEqual(parseAudit(payload, number), parsed);
    assert.deepEqual(parseAudit(`audit: type=${number} ${payload}`), parsed);
    assert.deepEqual(parseAudit(`type=UNKNOWN[${number}] msg=${payload}\x1dUID="root"`), parsed);
    kinds.add(parsed.value.type === 'access' ? parsed.value.object.kind : parsed.value.type);
  }
  assert.deepEqual([...kinds].sort(), ['abstract', 'allocated', 'deallocated', 'net', 'path', 'task'].sort());
});

test('neighbours of an event are no records of Landlock', () => {
  for (const line of corpus.filter((one) => /^type=(SYSCALL|PROCTITLE|EOE) /.test(one))) {
    assert.equal(parseAudit(line).ok, false);
  }
});

test('every trace event that Linux wrote reads and renders byte for byte', () => {
  const seen = new Set<string>();
  for (const line of traceLines) {
    const parsed = parseTrace(line);
    assert.ok(parsed.ok, `${line}: ${parsed.ok ? '' : parsed.reason}`);
    assert.equal(renderTrace(parsed.value), line);
    const [, comm, pid, rest] = /^(.+)-(\d+) (landlock_.*)$/.exec(line)!;
    assert.deepEqual(parseTrace(`  ${comm}-${pid}     [001] d..2.  1234.567890: ${rest}`), parsed);
    seen.add(parsed.value.what.event);
  }
  assert.equal(seen.size, 12);
  assert.equal(TRACE_EVENTS.length, 14);
});

// Arbitrary records.

const bytes = fc.uint8Array({ maxLength: 12 });
const foreign = fc.oneof(
  bytes.map(decodeBytes),
  fc.string({ maxLength: 12 }),
  fc.constantFrom('', '"', ' ', 'a b', 'x" domain=1 y="', '\n', '\\', '(null)', 'ABCD', ' (deleted)', '\x1d'),
);
const u32 = fc.nat({ max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const file = fc.record({ dev: foreign, ino: u64 });
const port = fc.integer({ min: 1, max: 65_535 });
const address = fc.constantFrom('127.0.0.1', '::1', '2001:db8::1', '::ffff:10.0.0.1');
const fsObjects: fc.Arbitrary<RecordObject> = fc.oneof(
  fc.record({ kind: fc.constant('path' as const), path: foreign, file }),
  fc.record({ kind: fc.constant('path' as const), path: foreign, file, ioctl: fc.nat({ max: 0xffff }) }),
  fc.record({ kind: fc.constant('mount' as const), name: foreign, file }),
);
const tasks: fc.Arbitrary<RecordObject> = fc.record({
  kind: fc.constant('task' as const),
  pid: u32,
  comm: foreign,
});
const stamp = fc.record({ seconds: fc.nat(), milliseconds: fc.nat({ max: 999 }), serial: u32 });
const access = (blockers: readonly string[], object: fc.Arbitrary<RecordObject>) =>
  fc.record({
    type: fc.constant('access' as const),
    stamp,
    domain: u64,
    blockers: fc.subarray([...blockers], { minLength: 1 }),
    object,
  });
const auditRecords: fc.Arbitrary<AuditRecord> = fc.oneof(
  access(Object.keys(FS_RIGHTS), fsObjects),
  access(['ptrace'], tasks),
  access(['scope.signal'], tasks),
  access(
    ['scope.abstract_unix_socket'],
    foreign.map((name) => ({ kind: 'abstract', name: decodeBytes(encodeBytes(name)) })),
  ),
  access(
    ['net.bind_tcp', 'net.connect_send_udp'],
    fc
      .record(
        {
          laddr: address,
          lport: port,
          faddr: address,
          fport: port,
          saddr: address,
          src: port,
          daddr: address,
          dest: port,
        },
        { requiredKeys: [] },
      )
      .map((fields) => ({ kind: 'net', fields })),
  ),
  access(['ptrace', 'fs.change_topology'], fc.constant({ kind: 'none' })),
  fc.record({
    type: fc.constant('allocated' as const),
    stamp,
    domain: u64,
    mode: fc.constant('enforcing'),
    pid: u32,
    uid: u32,
    exe: fc.option(foreign),
    comm: foreign,
  }),
  fc.record({ type: fc.constant('deallocated' as const), stamp, domain: u64, denials: u64 }),
);

/** What a string is after a trip through bytes: unpaired surrogates that stand for no byte are replaced. */
const settled = (text: string) => decodeBytes(encodeBytes(text));
function settle<T>(value: T): T {
  if (typeof value === 'string') return settled(value) as T;
  if (Array.isArray(value)) return value.map(settle) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, settle(one)])) as T;
}

test('bytes survive as strings', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (some) => {
      assert.deepEqual(encodeBytes(decodeBytes(some)), some);
    }),
    { seed: 1, numRuns: 5000 },
  );
  assert.equal(decodeBytes(encodeBytes('é😀\ufeff')), 'é😀\ufeff');
  assert.equal(decodeBytes(Uint8Array.of(0xed, 0xb2, 0x80)).length, 3);
});

test('records read back as they were, and stay on one line whatever a program is called', () => {
  fc.assert(
    fc.property(auditRecords, (record) => {
      const line = renderAudit(record);
      assert.match(line, /^[\x20-\x7e]*$/);
      assert.deepEqual(parseAudit(line), { ok: true, value: settle(record) });
    }),
    { seed: 2, numRuns: 4000 },
  );
});

test('a line that Linux cannot have written is refused, a cut one too', () => {
  const good = 'audit(1.002:3): domain=1f blockers=fs.read_file path="/a" dev="tmpfs" ino=4';
  assert.ok(parseAudit(good).ok);
  const hostile: [string, string][] = [
    ['domain=1f', 'domain=1F'],
    ['domain=1f', 'domain=0x1f'],
    ['domain=1f', 'domain='],
    ['domain=1f', 'domain=11111111111111111'],
    ['domain=1f', 'domain=1f domain=2'],
    ['blockers=fs.read_file', 'blockers='],
    ['blockers=fs.read_file', 'blockers=fs.read_file,'],
    ['blockers=fs.read_file', 'blockers=<b>'],
    ['path="/a"', 'path="/a" b"'],
    ['path="/a"', 'path="/a'],
    ['path="/a"', 'path=/a'],
    ['path="/a"', 'path=ABC'],
    ['path="/a"', 'path="/\x01"'],
    ['ino=4', 'ino=-4'],
    ['ino=4', 'ino=4 junk'],
    ['ino=4', 'ino=4 status=allocated'],
    ['audit(1.002:3)', 'audit(1.2:3)'],
  ];
  for (const [piece, bad] of hostile) {
    assert.equal(parseAudit(good.replace(piece, bad)).ok, false, bad);
  }
  assert.equal(parseAudit(`type=LANDLOCK_DOMAIN msg=${good}`).ok, false);
  assert.equal(parseAudit(`type=SYSCALL msg=${good}`).ok, false);
  for (const line of auditLines.slice(0, 20)) {
    for (let cut = 0; cut < line.length; cut++) {
      const parsed = parseAudit(line.slice(0, cut));
      // A cut inside the last number or between whole fields still reads; what it says must not differ otherwise.
      if (parsed.ok) assert.ok(line.startsWith(renderAuditLine(parsed.value)), line.slice(0, cut));
    }
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...auditLines, ...traceLines),
      fc.nat(),
      fc.string({ maxLength: 3 }),
      (line, at, junk) => {
        const place = at % line.length;
        const spoilt = line.slice(0, place) + junk + line.slice(place + 1);
        for (const parsed of [parseAudit(spoilt), parseTrace(spoilt), parseLine2023(spoilt)]) {
          assert.equal(typeof parsed.ok, 'boolean');
        }
      },
    ),
    { seed: 3, numRuns: 5000 },
  );
});

test('fields that are newer than landward are kept', () => {
  const line = 'audit(1.002:3): domain=1f blockers=fs.fly path="/a" dev="tmpfs" ino=4 colour="red"';
  const parsed = parseAudit(line);
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.value.foreign, [{ key: 'colour', raw: '"red"' }]);
  assert.equal(renderAudit(parsed.value), line);
});

const bareRights = fc.subarray(['execute', 'read_file', 'bind_tcp', 'change_topology']);
const version = fc.record({ id: u64, version: u32 });
const inode = fc.record({ major: fc.nat({ max: 999 }), minor: fc.nat({ max: 999 }), ino: u64 });
const grants = fc.array(bareRights, { minLength: 1, maxLength: 3 });
const tracePort = fc.integer({ min: -1, max: 65_535 });
const denying = { domain: u64, sameExec: fc.boolean(), logged: fc.boolean() };
const is = <E extends TraceEvent['event']>(event: E) => ({ event: fc.constant(event) });
const events: fc.Arbitrary<TraceEvent> = fc.oneof(
  fc.record({
    ...is('create_ruleset'),
    ruleset: version,
    handledFs: bareRights,
    handledNet: bareRights,
    scoped: bareRights,
  }),
  fc.record({ ...is('free_ruleset'), ruleset: version }),
  fc.record({ ...is('add_rule_path_beneath'), ruleset: version, rights: bareRights, inode, path: foreign }),
  fc.record({ ...is('add_rule_net_port'), ruleset: version, rights: bareRights, port: tracePort }),
  fc.record({ ...is('create_domain'), domain: u64, parent: u64, ruleset: version }),
  fc.record({
    ...is('enforce_domain'),
    domain: u64,
    complete: fc.boolean(),
    processWide: fc.boolean(),
    noNewPrivs: fc.boolean(),
  }),
  fc.record({ ...is('free_domain'), domain: u64, denials: u64 }),
  fc.record({ ...is('check_rule_inode'), domain: u64, request: bareRights, inode, grants }),
  fc.record({ ...is('check_rule_net_port'), domain: u64, request: bareRights, port: tracePort, grants }),
  fc.record({ ...is('deny_access_fs'), ...denying, blockers: bareRights, inode, path: foreign }),
  fc.record({ ...is('deny_access_net'), ...denying, blockers: bareRights, port: tracePort }),
  fc.record({ ...is('deny_ptrace'), ...denying, traceeDomain: u64, traceePid: u32, traceeComm: foreign }),
  fc.record({
    ...is('deny_scope_signal'),
    ...denying,
    targetDomain: u64,
    targetPid: u32,
    targetComm: foreign,
  }),
  fc.record({
    ...is('deny_scope_abstract_unix_socket'),
    ...denying,
    peerDomain: u64,
    peerPid: u32,
    sunPath: foreign,
  }),
);

test('trace events read back as they were', () => {
  const comms = fc.constantFrom('llt', 'a b', 'kworker/0:0', 'x-1 landlock_f:', '-');
  fc.assert(
    fc.property(comms, u32, events, (comm, pid, what) => {
      assert.deepEqual(parseTrace(renderTrace({ comm, pid, what })), {
        ok: true,
        value: settle({ comm, pid, what }),
      });
    }),
    { seed: 4, numRuns: 4000 },
  );
});

test('lines of the 2023 proposal look as described', () => {
  const bash = { tid: 267, comm: 'bash' };
  const golden: [Line2023, string][] = [
    [
      { op: 'create-ruleset', ...bash, ruleset: 1n, handledFs: ['fs.execute', 'fs.read_file'] },
      'tid=267 comm="bash" op=create-ruleset ruleset=1 handled_access_fs=execute,read_file',
    ],
    [
      { op: 'restrict-self', ...bash, domain: 2n, ruleset: 1n, parent: 0n },
      'tid=267 comm="bash" op=restrict-self domain=2 ruleset=1 parent=0',
    ],
    [{ op: 'release-ruleset', ruleset: 1n }, 'op=release-ruleset ruleset=1'],
    [{ op: 'release-domain', domain: 2n }, 'op=release-domain domain=2'],
    [
      {
        op: 'open',
        ...bash,
        domain: 2n,
        errno: 13,
        missingFs: ['fs.write_file', 'fs.read_file'],
        missingPermission: null,
        object: { kind: 'path', path: '/dev/tty', file: { dev: 'devtmpfs', ino: 9n } },
      },
      'tid=267 comm="bash" domain=2 op=open errno=13 missing-fs-accesses=write_file,read_file missing-permission= path="/dev/tty" dev="devtmpfs" ino=9',
    ],
    [
      {
        op: 'umount',
        ...bash,
        domain: 2n,
        errno: 1,
        missingFs: [],
        missingPermission: 'fs.change_topology',
        object: { kind: 'mount', name: '/', file: { dev: 'tmpfs', ino: 1n } },
      },
      'tid=267 comm="bash" domain=2 op=umount errno=1 missing-fs-accesses= missing-permission=fs_layout name="/" dev="tmpfs" ino=1',
    ],
    [
      {
        op: 'ptrace',
        ...bash,
        domain: 2n,
        errno: 1,
        missingFs: [],
        missingPermission: 'ptrace',
        object: { kind: 'task', pid: 1, comm: 'my init' },
      },
      'tid=267 comm="bash" domain=2 op=ptrace errno=1 missing-fs-accesses= missing-permission=ptrace opid=1 ocomm=6D7920696E6974',
    ],
  ];
  for (const [line, text] of golden) {
    assert.equal(renderLine2023(line), text);
    assert.deepEqual(parseLine2023(text), { ok: true, value: line });
    assert.deepEqual(parseLine2023(`landlock: ${text}\n`), { ok: true, value: line });
  }
  for (const bad of ['op=fly', 'op=release-domain', 'op=release-domain domain=2 x=1', 'domain=2', '']) {
    assert.equal(parseLine2023(bad).ok, false, bad);
  }
});

test('lines of the 2023 proposal read back as they were', () => {
  const actor = { tid: u32, comm: foreign };
  const fsRights = fc.subarray(Object.keys(FS_RIGHTS) as FsRight[]);
  const lines: fc.Arbitrary<Line2023> = fc.oneof(
    fc.record({ op: fc.constant('create-ruleset' as const), ...actor, ruleset: u64, handledFs: fsRights }),
    fc.record({
      op: fc.constant('add-rule' as const),
      ...actor,
      ruleset: u64,
      allowedFs: fsRights,
      object: fsObjects,
    }),
    fc.record({
      op: fc.constant('restrict-self' as const),
      ...actor,
      domain: u64,
      ruleset: u64,
      parent: u64,
    }),
    fc.record({
      op: fc.constantFrom(...OPERATIONS_2023),
      ...actor,
      domain: u64,
      errno: fc.constantFrom(1, 13, 18),
      missingFs: fsRights,
      missingPermission: fc.constantFrom(null, 'ptrace' as const, 'fs.change_topology' as const),
      object: fc.oneof(fsObjects, tasks),
    }),
  );
  fc.assert(
    fc.property(lines, (line) => {
      assert.deepEqual(parseLine2023(renderLine2023(line)), { ok: true, value: settle(line) });
    }),
    { seed: 5, numRuns: 2000 },
  );
});
