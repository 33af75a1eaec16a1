/** Builders of credentials, sockets and operations for tests of socket modes. */

import assert from 'node:assert/strict';
import {
  addPortRule,
  type Credential,
  createRuleset,
  linux,
  restrictSelf,
} from '../../packages/landward/src/model/landlock/index.ts';
import {
  type NetSocket,
  PLAIN_SOCKETS,
  perform,
  type SocketMode,
  type SocketOperation,
  type SocketRules,
} from '../../packages/landward/src/model/sockets/index.ts';
import { netMask } from '../../packages/landward/src/uapi/masks.ts';

export const L11 = linux(11);
export const TCP = { family: 'inet', type: 'stream', protocol: 6 } as const;
export const UDP = { family: 'inet', type: 'dgram', protocol: 17 } as const;
export const ACCESS = netMask('net.bind_tcp', 'net.connect_tcp');

export interface Wanted {
  readonly ports?: readonly number[];
  readonly handled?: number;
  readonly fs?: number;
}

/** One more layer. */
export function restrict(
  credential: Credential,
  { ports = [], handled = ACCESS, fs = 0 }: Wanted,
): Credential {
  const created = createRuleset(L11, { handledNet: handled, handledFs: fs });
  assert.ok(created.ok);
  let ruleset = created.value;
  for (const port of ports) {
    const added = addPortRule(L11, ruleset, { access: handled, port });
    assert.ok(added.ok);
    ruleset = added.value;
  }
  const result = restrictSelf(
    L11,
    { credential, noNewPrivs: true, sysAdmin: false },
    { fd: { kind: 'ruleset', ruleset, read: true, write: true }, flags: 0 },
  );
  assert.ok(result.ok);
  return result.value.caller.credential;
}
export const to = (kind: 'bind' | 'connect' | 'send', port: number): SocketOperation => ({
  kind,
  address: { length: 16, family: 'inet', port },
});
export const rules = (mode: SocketMode, layer: SocketRules['layer'] = () => PLAIN_SOCKETS): SocketRules => ({
  behaviour: L11,
  mode,
  layer,
});
export function run(socket: NetSocket, ...operations: readonly SocketOperation[]): NetSocket {
  return operations.reduce((before, operation) => {
    const after = perform(before, operation);
    assert.ok(after.ok, operation.kind);
    return after.value;
  }, socket);
}
