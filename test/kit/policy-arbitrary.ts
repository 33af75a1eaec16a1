/** Random policies as definitions, with paths and hosts from small sets so that rules meet. */

import fc from 'fast-check';
import type { Request } from '../../packages/landward/src/model/rules.ts';
import type { PolicyDefinition } from '../../packages/landward/src/policy/define.ts';
import type { FsRight, NetRight } from '../../packages/landward/src/uapi/landlock.ts';

const names = ['a', 'b', '.env', 'x*y', '[z]', 'é"\\'];
const path = fc
  .array(fc.constantFrom(...names.slice(0, 3)), { maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`);
const written = fc.oneof(
  { arbitrary: path, weight: 6 },
  {
    arbitrary: fc.constantFrom(
      '/a/**',
      '/**/.env*',
      '/a/*',
      '/a/{b,.env}',
      '$project/a',
      '~/b',
      '/x\\*y',
      '/a/[!b]*',
      '/\\[z\\]',
      '/$$',
    ),
    weight: 3,
  },
);
const because = fc.constantFrom(undefined, 'a reason', 'quotes " and \\ and \u202e and \n');
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const annotations = {
  because,
  enforce: fc.constantFrom(undefined, 'any', 'kernel'),
  quiet: fc.constantFrom(undefined, true, false),
};
const allowPath = fc.oneof(
  written,
  fc.record({
    path: fc.oneof(written, fc.array(path, { minLength: 1, maxLength: 2 })),
    missing: fc.constantFrom(undefined, 'required', 'optional'),
    ...annotations,
  }),
  fc.record({ path, exact: fc.boolean() }),
);
const strictPath = fc.oneof(
  written,
  fc.record({
    path: written,
    rights: fc.constantFrom(undefined, ['write'], ['read', 'fs.execute'], ['meta.write', 'fs.truncate']),
    expand: fc.constantFrom(undefined, true),
    ...annotations,
  }),
);
const hosts = [
  '',
  'api.example.com:',
  '*.example.com:',
  '192.0.2.7:',
  '192.0.2.0/24:',
  '[2001:db8::]/32:',
  'loopback:',
  'link-local:',
];
const target = fc
  .tuple(fc.constantFrom('tcp:', 'udp:'), fc.constantFrom(...hosts), fc.constantFrom('443', '80-90', '*'))
  .map((parts) => parts.join(''));
const sockets = fc.constantFrom('/run/a', '/run/**/b', '@x', '@x*', '@\\*');

const list = <T>(arbitrary: fc.Arbitrary<T>) => optional(fc.array(arbitrary, { maxLength: 3 }));
const switches = fc.constantFrom(undefined, 'allow', 'deny');

/** A definition of one text. */
export const definition: fc.Arbitrary<PolicyDefinition> = fc
  .record({
    fs: optional(
      fc.record({
        read: list(allowPath),
        write: list(allowPath),
        exec: list(allowPath),
        modify: list(allowPath),
        device: list(allowPath),
        deny: list(strictPath),
        hide: list(strictPath),
        ask: list(strictPath),
      }),
    ),
    net: optional(
      fc.record({
        connect: list(fc.oneof(target, fc.record({ target, ...annotations }))),
        listen: list(target),
        deny: list(
          fc.oneof(
            target,
            fc.constantFrom('loopback', 'private'),
            fc.record({ target, rights: fc.constantFrom(['connect'], ['listen']), ...annotations }),
          ),
        ),
        ask: list(target),
        subject: fc.constantFrom(undefined, 'caller', 'socket', 'both'),
        aim: fc.constantFrom(undefined, 'any', 'own'),
        lock: fc.constantFrom(undefined, true, false),
        revalidate: fc.constantFrom(undefined, true, false, { exempt: [] }, { exempt: [0, 5] }),
        sockets: fc.constantFrom(
          undefined,
          [],
          ['tcp', 'udp'],
          ['netlink:route', 'packet/raw/*', 'inet/stream/0'],
          ['unix', 'inet6/*/icmpv6', '44'],
        ),
      }),
    ),
    unix: optional(
      fc.record({
        connect: list(sockets),
        listen: list(sockets),
        deny: list(fc.oneof(sockets, fc.record({ path: sockets, rights: fc.constant(['connect']) }))),
      }),
    ),
    process: optional(
      fc.record({
        signal: fc.constantFrom(undefined, 'domain', 'any'),
        abstract: fc.constantFrom(undefined, 'domain', 'any'),
        io_uring: switches,
        ptrace: switches,
        namespaces: switches,
        syscalls: list(fc.constantFrom('bpf', 'add_key')),
      }),
    ),
    limits: optional(
      fc.record({
        procs: optional(fc.integer({ min: 1, max: 9999 })),
        memory: optional(fc.constantFrom('1G', '1500', 4096)),
        cpu: optional(fc.constantFrom('90s', '2m')),
        time: optional(fc.constantFrom('1500ms', '15m')),
        core: optional(fc.constantFrom(0, '1K')),
      }),
    ),
    kernel: optional(
      fc.record({
        fs: optional(fc.record({ make_char: list(path), refer: list(path) })),
        net: optional(fc.record({ bind_udp: list(fc.constantFrom('53', 'loopback:1-2')) })),
        scope: optional(fc.record({ signal: fc.constantFrom(undefined, 'domain', 'any') })),
      }),
    ),
  })
  .map((value) => value as PolicyDefinition);

/** Settings that only a grant has. */
export const grantDefinition: fc.Arbitrary<PolicyDefinition> = fc
  .tuple(
    definition,
    fc.record({
      env: optional(
        fc.record({
          pass: list(fc.constantFrom('PATH', 'LC_*', '*')),
          scrub: list(fc.constantFrom('*TOKEN*', 'A')),
          set: optional(fc.constant({ CI: '1', 'B C': 'x"\\\n\u0001' })),
        }),
      ),
      require: optional(
        fc.record({
          abi: optional(fc.integer({ min: 1, max: 11 })),
          degrade: list(fc.constantFrom('net.udp', 'fs.glob')),
        }),
      ),
      log: optional(fc.record({ new_exec: fc.constantFrom(undefined, true, false) })),
      test: list(
        fc.constantFrom(
          { deny: 'read /a' },
          { allow: 'write $project/x' },
          {
            deny: [
              'rename /a/ -> /b',
              'connect tcp:[::1]:1',
              'connect @x',
              'signal',
              'scope.abstract_unix_socket',
            ],
          },
          { ask: 'delete /a/b/' },
          { hide: 'fs.make_sock,fs.refer /\\*' },
        ),
      ),
    }),
  )
  .map(([base, more]) => ({ ...base, ...more }) as PolicyDefinition);

const object = fc.oneof(
  path,
  fc.constantFrom('/home/u/p/a', '/home/u/b/c', '/x*y', '/[z]', '/$', '/a/.envrc/k'),
);
const rights: readonly FsRight[] = [
  'fs.read_file',
  'fs.write_file',
  'fs.execute',
  'fs.truncate',
  'fs.make_reg',
  'fs.refer',
  'fs.ioctl_dev',
];
const netRights: readonly NetRight[] = [
  'net.connect_tcp',
  'net.bind_tcp',
  'net.connect_send_udp',
  'net.bind_udp',
];

/** A request that rules of `definition` speak about. */
export const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    kind: fc.constant('path' as const),
    path: object,
    rights: fc.subarray([...rights], { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    kind: fc.constant('refer' as const),
    from: object,
    to: object,
    operation: fc.constantFrom('rename' as const, 'link' as const, 'exchange' as const),
  }),
  fc
    .record({
      right: fc.constantFrom(...netRights),
      port: fc.constantFrom(53, 80, 85, 443),
      host: fc.constantFrom<{ address?: string; name?: string }>(
        {},
        { address: '127.0.0.1' },
        { address: '192.0.2.7' },
        { address: '192.0.2.9', name: 'api.example.com' },
        { address: '2001:db8::1' },
        { name: 'x.example.com' },
      ),
    })
    .map(({ right, port, host }) => ({ kind: 'net' as const, right, port, ...host })),
  fc.record({
    kind: fc.constant('unix' as const),
    operation: fc.constantFrom('connect' as const, 'bind' as const),
    path: fc.constantFrom('/run/a', '/run/a/b', '/run/c'),
  }),
  fc.record({
    kind: fc.constant('unix' as const),
    operation: fc.constantFrom('connect' as const, 'bind' as const),
    abstract: fc.constantFrom('x', 'xy', '*', 'z'),
  }),
  fc.record({
    kind: fc.constant('scope' as const),
    scope: fc.constantFrom('scope.signal' as const, 'scope.abstract_unix_socket' as const),
  }),
);
