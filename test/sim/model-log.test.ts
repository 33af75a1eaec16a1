/** Which denials are logged and counted: log flags in their phases, muted subdomains, quiet rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accessPath,
  bind,
  type Credential,
  type Decision,
  executed,
  fileTruncate,
  linux,
  open,
  ptrace,
  refer,
  signal,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { fsMask } from '../../packages/landward/src/uapi/masks.ts';
import { confine, Scene } from '../differential/scene.ts';

const behaviour = linux(10);
const read = fsMask('fs.read_file');
const write = fsMask('fs.write_file');
const scene = new Scene({ '/d': 'dir', '/d/f': 'reg', '/e': 'dir' });

function logged(decision: Decision): boolean {
  assert.ok(!decision.allowed);
  return decision.denials[0]!.logged;
}

const reads = (credential: Credential, rights = read) =>
  accessPath(behaviour, credential, scene.at('/d/f'), rights);

test('every combination of log flags, before and after exec, in a nested domain', () => {
  for (let flags = 0; flags < 8; flags++) {
    const sameOff = (flags & 1) !== 0;
    const newOn = (flags & 2) !== 0;
    const mutesLater = (flags & 4) !== 0;
    const credential = confine(behaviour, [{ handledFs: read, flags }]);
    assert.equal(logged(reads(credential)), !sameOff, `flags ${flags}, same program`);
    assert.equal(logged(reads(executed(credential))), newOn, `flags ${flags}, new program`);
    const nested = confine(behaviour, [{ handledFs: read }], credential);
    assert.equal(logged(reads(nested)), !mutesLater, `flags ${flags}, nested`);
    const decision = reads(nested);
    assert.ok(!decision.allowed && decision.denials[0]!.counted === !mutesLater);
    const counts = accessPath(linux(11), nested, scene.at('/d/f'), read);
    assert.ok(!counts.allowed && counts.denials[0]!.counted);
  }
});

test('a layer without any phase is disabled and does not count before ABI 11', () => {
  const decision = reads(confine(behaviour, [{ handledFs: read, flags: 1 }]));
  assert.ok(!decision.allowed && !decision.denials[0]!.logged && !decision.denials[0]!.counted);
});

test('same-exec is a matter of each layer', () => {
  const outer = executed(confine(behaviour, [{ handledFs: write }]));
  const both = confine(behaviour, [{ handledFs: read }], outer);
  assert.equal(logged(reads(both)), true);
  assert.equal(logged(reads(both, write)), false);
});

test('quiet needs the mask for all that is missing, and a mark on the way', () => {
  const quietAt = (path: string, quietFs: number) =>
    confine(behaviour, [{ handledFs: read | write, quietFs, rules: [[scene.at(path), 0, 'quiet']] }]);
  assert.equal(logged(reads(quietAt('/d', read))), false);
  assert.equal(logged(reads(quietAt('/d/f', read))), false);
  assert.equal(logged(reads(quietAt('/e', read))), true, 'the mark is elsewhere');
  assert.equal(logged(reads(quietAt('/d', write))), true, 'another right is quiet');
  assert.equal(logged(reads(quietAt('/d', read), read | write)), true, 'one of two missing rights is quiet');
  assert.equal(logged(reads(quietAt('/d', read | write), read | write)), false);
  const inner = confine(
    behaviour,
    [{ handledFs: read, quietFs: read, rules: [[scene.at('/d'), 0, 'quiet']] }],
    confine(behaviour, [{ handledFs: read }]),
  );
  assert.equal(logged(reads(inner)), false, 'a quiet inner layer hides the outer');
  const outer = confine(
    behaviour,
    [{ handledFs: read }],
    confine(behaviour, [{ handledFs: read, quietFs: read, rules: [[scene.at('/d'), 0, 'quiet']] }]),
  );
  assert.equal(logged(reads(outer)), true);
});

test('quiet of an open file is captured when it is opened', () => {
  const truncate = fsMask('fs.truncate');
  for (const [path, expected] of [
    ['/d', false],
    ['/e', true],
  ] as const) {
    const credential = confine(behaviour, [
      { handledFs: truncate, quietFs: truncate, rules: [[scene.at(path), 0, 'quiet']] },
    ]);
    const opened = open(behaviour, credential, scene.at('/d/f'), { read: false, write: true });
    assert.ok(opened.allowed);
    assert.equal(
      logged(fileTruncate(behaviour, { path: scene.at('/d/f'), rights: opened.rights })),
      expected,
    );
  }
});

test("the phase of an open file is the opener's", () => {
  const credential = confine(behaviour, [{ handledFs: fsMask('fs.truncate') }]);
  for (const [opener, expected] of [
    [credential, true],
    [executed(credential), false],
  ] as const) {
    const opened = open(behaviour, opener, scene.at('/d/f'), { read: false, write: true });
    assert.ok(opened.allowed);
    assert.equal(
      logged(fileTruncate(behaviour, { path: scene.at('/d/f'), rights: opened.rights })),
      expected,
    );
  }
});

test('quiet ports and scopes; ptrace can not be quieted', () => {
  const socket = { family: 'inet', type: 'stream', protocol: 6, bound: false } as const;
  const address = { family: 'inet', length: 16, port: 80 } as const;
  const quietPort = (port: number) =>
    confine(behaviour, [{ handledNet: 1, quietNet: 1, ports: [[port, 0, 'quiet']] }]);
  assert.equal(logged(bind(behaviour, quietPort(80), socket, address)), false);
  assert.equal(logged(bind(behaviour, quietPort(81), socket, address)), true);
  const outside = { process: {}, credential: UNRESTRICTED };
  const task = (quietScoped: number) => ({
    process: {},
    credential: confine(behaviour, [{ scoped: 3, quietScoped }]),
  });
  assert.equal(logged(signal(behaviour, task(2), outside)), false);
  assert.equal(logged(signal(behaviour, task(1), outside)), true);
  assert.equal(logged(ptrace(behaviour, task(3).credential, outside)), true);
});

test('quiet marks count at both ends of a rename', () => {
  const refers = fsMask('fs.refer');
  for (const [path, expected] of [
    ['/d', [false, true]],
    ['/e', [true, false]],
    ['/', [false, false]],
  ] as const) {
    const credential = confine(behaviour, [
      { handledFs: refers, quietFs: refers, rules: [[scene.at(path), 0, 'quiet']] },
    ]);
    const decision = refer(behaviour, credential, {
      operation: 'rename',
      mount: scene.at('/').mount,
      source: scene.at('/d/f').dentry,
      directory: scene.at('/e').dentry,
      target: scene.at('/e').dentry.child('f'),
    });
    assert.ok(!decision.allowed);
    assert.deepEqual(
      decision.denials.map((denial) => denial.logged),
      expected,
    );
  }
});

test('a mark met early still counts when another layer is met above', () => {
  const refers = fsMask('fs.refer');
  const layer = (path: string, rights: number) =>
    ({ handledFs: rights, quietFs: rights, rules: [[scene.at(path), 0, 'quiet']] }) as const;
  assert.equal(logged(reads(confine(behaviour, [layer('/', read), layer('/d', read)]))), false);
  const both = confine(behaviour, [layer('/', refers), layer('/d', refers)]);
  const decision = refer(behaviour, both, {
    operation: 'rename',
    mount: scene.at('/').mount,
    source: scene.at('/d/f').dentry,
    directory: scene.at('/e').dentry,
    target: scene.at('/e').dentry.child('f'),
  });
  assert.equal(logged(decision), false);
  const ports = [[80, 0, 'quiet']] as const;
  const quiet = { handledNet: 1, quietNet: 1, ports } as const;
  const socket = { family: 'inet', type: 'stream', protocol: 6, bound: false } as const;
  const twice = confine(behaviour, [quiet, quiet]);
  assert.equal(logged(bind(behaviour, twice, socket, { family: 'inet', length: 16, port: 80 })), false);
  const inner = { ...quiet, ports: [[80, 1, 'quiet']] } as const;
  const older = bind(behaviour, confine(behaviour, [quiet, inner]), socket, {
    family: 'inet',
    length: 16,
    port: 80,
  });
  assert.equal(logged(older), false, 'the older layer keeps its mark');
});

test('an open file is quiet only where its youngest denying layer is', () => {
  const truncate = fsMask('fs.truncate');
  const loud = { handledFs: truncate } as const;
  const quiet = { handledFs: truncate, quietFs: truncate, rules: [[scene.at('/d'), 0, 'quiet']] } as const;
  for (const [layers, expected] of [
    [[quiet, loud], true],
    [[loud, quiet], false],
    [[quiet, quiet], false],
  ] as const) {
    const opened = open(behaviour, confine(behaviour, layers), scene.at('/d/f'), {
      read: false,
      write: true,
    });
    assert.ok(opened.allowed);
    const file = { path: scene.at('/d/f'), rights: opened.rights };
    assert.equal(logged(fileTruncate(behaviour, file)), expected);
  }
});
