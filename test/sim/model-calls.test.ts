/** Landlock's three system calls in the model: every errno, in the order in which the kernel checks. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addPathRule,
  addPortRule,
  addRuleCall,
  createRuleset,
  createRulesetCall,
  executed,
  forked,
  linux,
  type ParentFd,
  type RulesetFd,
  restrictSelf,
  type Thread,
  UNRESTRICTED,
} from '../../packages/landward/src/model/index.ts';
import { MemorySuperblock } from '../../packages/landward/src/model/landlock/memory/tree.ts';
import { ERRNO } from '../../packages/landward/src/uapi/errno.ts';
import { ABI_LADDER } from '../../packages/landward/src/uapi/landlock.ts';
import { confine, rulesetOf, Scene } from '../differential/scene.ts';

type Errname = keyof typeof ERRNO;
const ABIS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/** A struct of 64-bit fields. */
function words(...fields: (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(fields.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, field] of fields.entries()) view.setBigUint64(index * 8, BigInt(field), true);
  return bytes;
}

function errnoOf(result: { readonly ok: boolean; readonly errno?: number }): number {
  return result.ok ? 0 : result.errno!;
}

test('create_ruleset refuses in order', () => {
  const rows: [string, number, { attr: Uint8Array | null; size: number; flags: number }, Errname | null][] = [
    ['no Landlock', 0, { attr: words(1), size: 8, flags: 0 }, 'EOPNOTSUPP'],
    ['flags with an attribute', 7, { attr: words(1), size: 0, flags: 1 }, 'EINVAL'],
    ['flags with a size', 7, { attr: null, size: 8, flags: 1 }, 'EINVAL'],
    ['both questions at once', 7, { attr: null, size: 0, flags: 3 }, 'EINVAL'],
    ['an unknown flag', 7, { attr: null, size: 0, flags: 4 }, 'EINVAL'],
    ['errata on an old kernel', 6, { attr: null, size: 0, flags: 2 }, 'EINVAL'],
    ['version', 7, { attr: null, size: 0, flags: 1 }, null],
    ['errata', 7, { attr: null, size: 0, flags: 2 }, null],
    ['NULL', 7, { attr: null, size: 8, flags: 0 }, 'EFAULT'],
    ['NULL and no size', 7, { attr: null, size: 0, flags: 0 }, 'EFAULT'],
    ['too short', 7, { attr: words(1), size: 7, flags: 0 }, 'EINVAL'],
    ['larger than a page', 7, { attr: words(1), size: 4097, flags: 0 }, 'E2BIG'],
    ['one page, zero tail', 7, { attr: new Uint8Array(4096).fill(1, 0, 1), size: 4096, flags: 0 }, null],
    ['longer with a zero tail', 7, { attr: words(1, 0, 0, 0, 0, 0, 0, 0), size: 64, flags: 0 }, null],
    ['longer with a tail', 7, { attr: words(1, 0, 0, 1), size: 32, flags: 0 }, 'E2BIG'],
    ['unreadable tail', 7, { attr: words(1, 0, 0), size: 32, flags: 0 }, 'EFAULT'],
    ['unreadable head', 7, { attr: words(1), size: 16, flags: 0 }, 'EFAULT'],
    ['8 bytes', 7, { attr: words(1), size: 8, flags: 0 }, null],
    ['12 bytes', 7, { attr: words(1, 0), size: 12, flags: 0 }, null],
    ['a later field on an old kernel', 2, { attr: words(1, 1), size: 16, flags: 0 }, 'E2BIG'],
    ['an unknown right', 7, { attr: words(0x10000), size: 8, flags: 0 }, 'EINVAL'],
    ['a 64-bit right', 7, { attr: words(1n << 63n), size: 8, flags: 0 }, 'EINVAL'],
    ['an unknown port right', 7, { attr: words(1, 4), size: 16, flags: 0 }, 'EINVAL'],
    ['an unknown scope', 7, { attr: words(1, 0, 4), size: 24, flags: 0 }, 'EINVAL'],
    ['nothing handled', 7, { attr: words(0, 0, 0), size: 24, flags: 0 }, 'ENOMSG'],
    ['quiet without handled', 10, { attr: words(1, 1, 1, 2, 0, 0), size: 48, flags: 0 }, 'EINVAL'],
    ['quiet ports without handled', 10, { attr: words(1, 1, 1, 0, 2, 0), size: 48, flags: 0 }, 'EINVAL'],
    ['quiet scope without handled', 10, { attr: words(1, 1, 1, 0, 0, 2), size: 48, flags: 0 }, 'EINVAL'],
    ['only quiet', 10, { attr: words(0, 0, 0, 1, 0, 0), size: 48, flags: 0 }, 'EINVAL'],
    ['quiet', 10, { attr: words(1, 1, 1, 1, 1, 1), size: 48, flags: 0 }, null],
  ];
  for (const [name, abi, call, expected] of rows) {
    const result = createRulesetCall(linux(abi), call);
    assert.equal(errnoOf(result), expected === null ? 0 : ERRNO[expected], name);
  }
  const answers = [1, 2].map((flags) =>
    createRulesetCall(linux(7, { errata: 5 }), { attr: null, size: 0, flags }),
  );
  assert.deepEqual(
    answers.map((answer) => answer.ok && answer.value),
    [
      { kind: 'answer', value: 7 },
      { kind: 'answer', value: 5 },
    ],
  );
});

test('create_ruleset knows exactly the bits of its ABI', () => {
  for (const abi of ABIS) {
    const row = ABI_LADDER[abi]!;
    for (const [field, mask] of [row.fs, row.net, row.scoped].entries()) {
      for (let bit = 0; bit < 20; bit++) {
        const fields = [0, 0, 0, 0, 0, 0].map((_, index) => (index === field ? 1n << BigInt(bit) : 0n));
        const result = createRulesetCall(linux(abi), { attr: words(...fields), size: 48, flags: 0 });
        const known = (mask & (1 << bit)) !== 0;
        const beyond = (field + 1) * 8 > row.attrSize;
        assert.equal(
          errnoOf(result),
          known ? 0 : beyond ? ERRNO.E2BIG : ERRNO.EINVAL,
          `ABI ${abi} field ${field} bit ${bit}`,
        );
      }
    }
  }
});

test('a ruleset by fields refuses like the call', () => {
  const errno = (abi: number, attr: object) => errnoOf(createRuleset(linux(abi), attr));
  assert.equal(errno(0, { handledFs: 1 }), ERRNO.EOPNOTSUPP);
  assert.equal(errno(2, { handledFs: 1, handledNet: 1 }), ERRNO.E2BIG);
  assert.equal(errno(9, { handledFs: 1, quietFs: 1 }), ERRNO.E2BIG);
  assert.equal(errno(9, { handledFs: 1n << 40n }), ERRNO.EINVAL);
  assert.equal(errno(9, {}), ERRNO.ENOMSG);
  assert.equal(errno(9, { scoped: 1 }), 0);
  const id = (abi: number) => {
    const made = createRuleset(linux(abi), { handledFs: 1 }, 5n);
    return made.ok ? made.value.id : undefined;
  };
  const ruleset = rulesetOf(linux(7), { handledFs: 4, handledNet: 1 });
  const parent = { kind: 'path', path: new Scene().at('/') } as const;
  assert.equal(errnoOf(addPathRule(linux(7), ruleset, { access: 0, parent, flags: 1 })), ERRNO.EINVAL);
  assert.equal(errnoOf(addPortRule(linux(7), ruleset, { access: 0, port: 1, flags: 1 })), ERRNO.EINVAL);
  assert.deepEqual([id(10), id(11)], [null, 5n], 'rulesets are numbered from ABI 11');
});

test('add_rule refuses in order', () => {
  const scene = new Scene({ '/dir': 'dir', '/file': 'reg' });
  const make = (abi: number, more: object = {}): RulesetFd => ({
    kind: 'ruleset',
    ruleset: rulesetOf(linux(abi), { handledFs: 0xffff, handledNet: 3, ...more }),
    read: true,
    write: true,
  });
  const internal = { ...scene.at('/dir'), mount: { ...scene.at('/dir').mount, internal: true } };
  const pipe = { mount: scene.at('/').mount, dentry: new MemorySuperblock('other', true).root };
  const parents: Record<number, ParentFd> = {
    3: { kind: 'path', path: scene.at('/dir') },
    4: { kind: 'path', path: scene.at('/file') },
    5: { kind: 'ruleset' },
    6: { kind: 'path', path: internal },
    7: { kind: 'path', path: pipe },
    8: {
      kind: 'path',
      path: {
        ...scene.at('/dir'),
        dentry: { inode: { ...scene.at('/dir').dentry.inode!, private: true }, parent: null },
      },
    },
  };
  const rule = (access: number | bigint, fd: number) => {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(access), true);
    view.setInt32(8, fd, true);
    return bytes;
  };
  const readOnly: RulesetFd = { ...(make(7) as RulesetFd & { kind: 'ruleset' }), write: false };
  const rows: [string, number, RulesetFd, number, Uint8Array | null, number, Errname | null][] = [
    ['no Landlock', 0, make(7), 1, rule(4, 3), 0, 'EOPNOTSUPP'],
    ['unknown flag before the descriptor', 7, { kind: 'closed' }, 1, rule(4, 3), 1, 'EINVAL'],
    ['unknown flag of ABI 10', 10, { kind: 'closed' }, 1, rule(4, 3), 2, 'EINVAL'],
    ['closed descriptor', 7, { kind: 'closed' }, 9, rule(4, 3), 0, 'EBADF'],
    ['not a ruleset', 7, { kind: 'other' }, 9, rule(4, 3), 0, 'EBADFD'],
    ['not writable', 7, readOnly, 9, rule(4, 3), 0, 'EPERM'],
    ['unknown type', 7, make(7), 9, rule(4, 3), 0, 'EINVAL'],
    [
      'port rule before ABI 4',
      3,
      { kind: 'ruleset', ruleset: rulesetOf(linux(3), { handledFs: 4 }), read: true, write: true },
      2,
      words(1, 1),
      0,
      'EINVAL',
    ],
    ['NULL', 7, make(7), 1, null, 0, 'EFAULT'],
    ['short', 7, make(7), 1, rule(4, 3).subarray(0, 11), 0, 'EFAULT'],
    ['short port rule', 7, make(7), 2, words(1), 0, 'EFAULT'],
    ['no access', 7, make(7), 1, rule(0, 99), 0, 'ENOMSG'],
    ['unhandled access', 7, make(7), 1, rule(0x10000, 99), 0, 'EINVAL'],
    ['64-bit access', 7, make(7), 1, rule(1n << 63n, 99), 0, 'EINVAL'],
    ['quiet with nothing quiet', 10, make(10), 1, rule(4, 99), 1, 'EINVAL'],
    ['closed parent', 7, make(7), 1, rule(4, 99), 0, 'EBADF'],
    ['a ruleset as parent', 7, make(7), 1, rule(4, 5), 0, 'EBADFD'],
    ['an internal mount', 7, make(7), 1, rule(4, 6), 0, 'EBADFD'],
    ['a pipe', 7, make(7), 1, rule(4, 7), 0, 'EBADFD'],
    ['a private inode', 7, make(7), 1, rule(4, 8), 0, 'EBADFD'],
    ['a directory right on a file', 7, make(7), 1, rule(8, 4), 0, 'EINVAL'],
    ['a file right on a file', 7, make(7), 1, rule(4, 4), 0, null],
    ['a directory', 7, make(7), 1, rule(0xffff, 3), 0, null],
    ['quiet without access', 10, make(10, { quietFs: 4 }), 1, rule(0, 3), 1, null],
    ['port without access', 7, make(7), 2, words(0, 70000), 0, 'ENOMSG'],
    ['port with unhandled access', 7, make(7), 2, words(4, 70000), 0, 'EINVAL'],
    ['quiet port with nothing quiet', 10, make(10), 2, words(1, 70000), 1, 'EINVAL'],
    ['port too large', 7, make(7), 2, words(1, 65536), 0, 'EINVAL'],
    ['64-bit port', 7, make(7), 2, words(1, 1n << 63n), 0, 'EINVAL'],
    ['port', 7, make(7), 2, words(1, 65535), 0, null],
    ['quiet port', 10, make(10, { quietNet: 1 }), 2, words(0, 1), 1, null],
  ];
  for (const [name, abi, fd, type, attr, flags, expected] of rows) {
    const result = addRuleCall(
      linux(abi),
      { fd, type, attr, flags },
      (number) => parents[number] ?? { kind: 'closed' },
    );
    assert.equal(errnoOf(result), expected === null ? 0 : ERRNO[expected], name);
  }
});

test('restrict_self refuses in order', () => {
  const behaviour = linux(7);
  const ruleset: RulesetFd = {
    kind: 'ruleset',
    ruleset: rulesetOf(behaviour, { handledFs: 1 }),
    read: true,
    write: true,
  };
  const unreadable: RulesetFd = { ...ruleset, read: false };
  const root: Thread = { credential: UNRESTRICTED, noNewPrivs: false, sysAdmin: true };
  const nobody: Thread = { ...root, sysAdmin: false };
  const full: Thread = {
    ...root,
    credential: confine(
      behaviour,
      Array.from({ length: 16 }, () => ({ handledFs: 1 })),
    ),
  };
  const rows: [string, number, Thread, RulesetFd | -1, number, Errname | null][] = [
    ['no Landlock', 0, nobody, ruleset, 64, 'EOPNOTSUPP'],
    ['privilege before flags up to ABI 10', 10, nobody, ruleset, 64, 'EPERM'],
    ['flags before privilege on ABI 11', 11, nobody, ruleset, 64, 'EINVAL'],
    ['privilege on ABI 11', 11, nobody, { kind: 'closed' }, 0, 'EPERM'],
    ['no_new_privs by flag', 11, nobody, ruleset, 16, null],
    ['no_new_privs by flag is unknown before', 10, root, ruleset, 16, 'EINVAL'],
    ['no_new_privs set', 7, { ...nobody, noNewPrivs: true }, ruleset, 0, null],
    ['log flags before ABI 7', 6, root, ruleset, 1, 'EINVAL'],
    ['all threads before ABI 8', 7, root, ruleset, 8, 'EINVAL'],
    ['all threads', 8, root, ruleset, 8, null],
    ['closed', 7, root, { kind: 'closed' }, 0, 'EBADF'],
    ['not a ruleset', 7, root, { kind: 'other' }, 0, 'EBADFD'],
    ['not readable', 7, root, unreadable, 0, 'EPERM'],
    ['-1 alone', 7, root, -1, 0, 'EBADF'],
    ['-1 to mute subdomains', 7, root, -1, 4, null],
    ['-1 to mute subdomains before ABI 7', 6, root, -1, 4, 'EINVAL'],
    ['-1 with another log flag', 7, root, -1, 5, 'EBADF'],
    ['-1 for all threads', 8, root, -1, 12, null],
    ['-1 for all threads without muting', 8, root, -1, 8, 'EBADF'],
    ['-1 with no_new_privs', 11, root, -1, 20, 'EBADF'],
    ['-1 unprivileged', 7, nobody, -1, 4, 'EPERM'],
    ['a 17th layer', 7, full, ruleset, 0, 'E2BIG'],
    ['a 17th layer on ABI 1', 1, full, ruleset, 0, null],
  ];
  for (const [name, abi, thread, fd, flags, expected] of rows) {
    const result = restrictSelf(linux(abi), thread, { fd, flags });
    assert.equal(errnoOf(result), expected === null ? 0 : ERRNO[expected], name);
  }
});

test("all threads get the caller's domain and lose their own", () => {
  const behaviour = linux(11);
  const fd: RulesetFd = {
    kind: 'ruleset',
    ruleset: rulesetOf(behaviour, { handledFs: 1 }),
    read: true,
    write: true,
  };
  const caller: Thread = { credential: UNRESTRICTED, noNewPrivs: false, sysAdmin: true };
  const deeper: Thread = { ...caller, credential: confine(behaviour, [{ handledFs: 4 }, { handledFs: 8 }]) };
  const alone = restrictSelf(behaviour, caller, { fd, flags: 16 }, [deeper]);
  assert.ok(alone.ok && alone.value.siblings[0] === deeper && alone.value.caller.noNewPrivs);
  const together = restrictSelf(behaviour, caller, { fd, flags: 8 | 16 }, [deeper]);
  assert.ok(together.ok);
  assert.equal(together.value.siblings[0]!.credential, together.value.caller.credential);
  assert.equal(together.value.caller.credential.domain!.layers.length, 1);
  assert.ok(together.value.siblings[0]!.noNewPrivs);
  const quiet = restrictSelf(behaviour, caller, { fd, flags: 8 }, [{ ...deeper, noNewPrivs: true }, deeper]);
  assert.deepEqual(quiet.ok && quiet.value.siblings.map((sibling) => sibling.noNewPrivs), [true, false]);
});

test('a domain is a snapshot of its ruleset', () => {
  const behaviour = linux(7);
  const scene = new Scene({ '/dir': 'dir' });
  const ruleset = rulesetOf(behaviour, { handledFs: 4 });
  const thread: Thread = { credential: UNRESTRICTED, noNewPrivs: true, sysAdmin: false };
  const before = restrictSelf(behaviour, thread, {
    fd: { kind: 'ruleset', ruleset, read: true, write: true },
    flags: 0,
  });
  const later = rulesetOf(behaviour, { handledFs: 4, rules: [[scene.at('/dir'), 4]] });
  assert.ok(before.ok && before.value.caller.credential.domain!.paths.size === 0);
  assert.equal(later.version, 1);
  assert.equal(ruleset.version, 0);
});

test('a fork keeps the credential, an exec ends the same-exec phase', () => {
  const behaviour = linux(7);
  const credential = confine(behaviour, [{ handledFs: 1 }, { handledFs: 1 }]);
  assert.equal(credential.sameExec, 3);
  assert.equal(forked(credential, true), credential);
  assert.deepEqual(executed(credential), { ...credential, sameExec: 0 });
  const muted = { ...UNRESTRICTED, subdomainsMuted: true };
  assert.equal(forked(muted, true).subdomainsMuted, true);
  assert.equal(forked(muted, false).subdomainsMuted, false);
  assert.equal(forked({ ...credential, subdomainsMuted: true }, false).subdomainsMuted, true);
});

test('what each ABI brings without saying so', () => {
  const said = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((abi) => {
    const { errata, knobs } = linux(abi);
    return [
      abi,
      errata,
      knobs.fastOpen,
      knobs.privilegeFirst,
      knobs.sigioGroup,
      knobs.countsMuted,
      knobs.rulesetIds,
    ];
  });
  const row = (abi: number, errata: number, ten: boolean, eleven: boolean) => [
    abi,
    errata,
    ten,
    !eleven,
    'delivery',
    eleven,
    eleven,
  ];
  assert.deepEqual(said, [
    ...[0, 1, 2, 3, 4, 5].map((abi) => row(abi, 0, false, false)),
    ...[6, 7, 8, 9].map((abi) => row(abi, 7, false, false)),
    row(10, 15, true, false),
    row(11, 15, true, true),
  ]);
  assert.equal(linux(99).abi, 11);
  assert.equal(linux(-1).abi, 0);
  assert.equal(linux(11, { knobs: { fastOpen: false } }).knobs.fastOpen, false);
});
