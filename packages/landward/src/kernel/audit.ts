/**
 * Sockets of the kernel's audit: one that gets a copy of every record, one that asks for and changes its state.
 *
 * Owns the calls and the errnos. What is turned on, when, and put back, is decided above.
 */

import { KernelError } from '../errors.ts';
import {
  AUDIT,
  AUDIT_NLGRP_READLOG,
  AUDIT_STATUS,
  NETLINK_AUDIT,
  NLM_F,
  NLMSG,
  NLMSGHDR,
  SOCKADDR_NL,
} from '../uapi/audit.ts';
import { ERRNO, errnoName } from '../uapi/errno.ts';
import { AF, MSG, SOCK, SOCK_FLAG, SOL_SOCKET } from '../uapi/socket.ts';
import { attempt, call, refusal } from './call.ts';
import { Fd } from './fd.ts';
import { native } from './native.ts';

const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_RCVTIMEO = 20;
/** Room for records that arrive while this process does something else, bytes. */
const RECEIVE_BYTES = 32 << 20;
const MESSAGE_BYTES = 16_384;

/** What the kernel says of its audit. */
export type AuditStatus = ReturnType<typeof AUDIT_STATUS.decode>;

function open(flags: number): Fd {
  return new Fd(
    call('open the audit socket', 'socket', AF.NETLINK, SOCK.RAW | SOCK_FLAG.CLOEXEC | flags, NETLINK_AUDIT),
  );
}

/** A reader of all records that the kernel writes from now on. */
export class AuditReader implements Disposable {
  readonly #fd: Fd;
  readonly #buffer = Buffer.alloc(MESSAGE_BYTES);

  /** @throws {KernelError} EPERM without CAP_AUDIT_READ, or outside of the first user namespace */
  constructor() {
    this.#fd = open(SOCK_FLAG.NONBLOCK);
    try {
      const size = new Int32Array([RECEIVE_BYTES]);
      if (attempt('setsockopt', this.#fd.number, SOL_SOCKET, SO_RCVBUFFORCE, size, 4) < 0)
        attempt('setsockopt', this.#fd.number, SOL_SOCKET, SO_RCVBUF, size, 4);
      const address = SOCKADDR_NL.encode({ family: AF.NETLINK, groups: 1 << (AUDIT_NLGRP_READLOG - 1) });
      call('join the readers of audit', 'bind', this.#fd.number, address, address.length);
    } catch (error) {
      this.#fd.close();
      throw error;
    }
  }

  /**
   * Takes the next record.
   *
   * @returns its type and its payload (Latin-1); `empty` where none waits; `overrun` where records were dropped
   * because this process was too slow
   */
  receive(): { readonly type: number; readonly payload: string } | 'empty' | 'overrun' {
    for (;;) {
      const size = attempt(
        'recvfrom',
        this.#fd.number,
        this.#buffer,
        this.#buffer.length,
        MSG.DONTWAIT,
        null,
        null,
      );
      if (size === -ERRNO.EINTR) continue;
      if (size === -ERRNO.EAGAIN) return 'empty';
      if (size === -ERRNO.ENOBUFS) return 'overrun';
      if (size < 0) throw refusal('read audit records', 'recvfrom', -size);
      if (size < NLMSGHDR.size) continue;
      // The length in the header counts the header in some messages and not in others; what was received is right.
      const payload = this.#buffer.toString('latin1', NLMSGHDR.size, size);
      return { type: this.#buffer.readUInt16LE(4), payload: payload.replace(/\0+$/, '') };
    }
  }

  /** Resolves when a record waits (true), or after `ms` milliseconds, or at once when the signal aborts (false). */
  async readable(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const watch = native().watch(this.#fd.number, () => resolve(true));
    const timer = setTimeout(resolve, ms, false);
    const stop = () => resolve(false);
    signal?.addEventListener('abort', stop, { once: true });
    const ready = await promise;
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    if (!ready) native().unwatch(watch);
    return ready;
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

/** A socket that asks the kernel for its audit state and changes it. Needs CAP_AUDIT_CONTROL for both. */
export class AuditControl implements Disposable {
  readonly #fd: Fd;
  #sequence = 0;

  constructor() {
    this.#fd = open(0);
    const timeout = new BigInt64Array([5n, 0n]);
    attempt('setsockopt', this.#fd.number, SOL_SOCKET, SO_RCVTIMEO, timeout, 16);
  }

  /** @throws {KernelError} EPERM without CAP_AUDIT_CONTROL */
  status(): AuditStatus {
    const [body] = this.ask('ask for the state of audit', AUDIT.GET, 0, new Uint8Array());
    return AUDIT_STATUS.decode(body ?? new Uint8Array(AUDIT_STATUS.size));
  }

  /** Changes the members that `mask` names. */
  set(values: { readonly mask: number; readonly enabled?: number; readonly backlog_limit?: number }): void {
    this.ask('change the state of audit', AUDIT.SET, 0, AUDIT_STATUS.encode(values));
  }

  /** The audit rules, each as a `struct audit_rule_data`. */
  rules(): readonly Uint8Array[] {
    return this.ask('list the rules of audit', AUDIT.LIST_RULES, NLM_F.DUMP, new Uint8Array());
  }

  /**
   * Sends a request and takes all answers up to the acknowledgement.
   *
   * @param step what it is for, as a phrase that begins a message
   * @throws {KernelError} what the kernel answered
   */
  ask(step: string, type: number, flags: number, body: Uint8Array): readonly Uint8Array[] {
    const seq = ++this.#sequence;
    const len = NLMSGHDR.size + body.length;
    const head = NLMSGHDR.encode({ len, type, flags: NLM_F.REQUEST | NLM_F.ACK | flags, seq });
    const message = Buffer.concat([head, body]);
    const kernel = SOCKADDR_NL.encode({ family: AF.NETLINK });
    call(step, 'sendto', this.#fd.number, message, message.length, 0, kernel, kernel.length);
    const answers: Uint8Array[] = [];
    let acknowledged = false;
    for (;;) {
      const buffer = new Uint8Array(MESSAGE_BYTES);
      const size = attempt('recvfrom', this.#fd.number, buffer, buffer.length, 0, null, null);
      if (size === -ERRNO.EINTR) continue;
      if (size < 0) throw refusal(step, 'recvfrom', -size);
      const header = NLMSGHDR.decode(buffer);
      if (header.seq !== seq) continue;
      const rest = buffer.subarray(NLMSGHDR.size, size);
      if (header.type === NLMSG.ERROR) {
        const errno = -new DataView(rest.buffer, rest.byteOffset).getInt32(0, true);
        if (errno !== 0) throw new KernelError({ syscall: 'audit', errno, errname: errnoName(errno), step });
        acknowledged = true;
      } else if (header.type !== NLMSG.DONE) answers.push(rest);
      // A list ends with a message of its own, before or behind the acknowledgement.
      if (
        type === AUDIT.LIST_RULES
          ? header.type === NLMSG.DONE
          : acknowledged && (type !== AUDIT.GET || answers.length > 0)
      )
        return answers;
    }
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}
