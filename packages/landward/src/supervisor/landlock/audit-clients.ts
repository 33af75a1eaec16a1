/**
 * The sockets through which programs of a run read audit: in place of a netlink socket a program gets one end of a datagram
 * channel of ours, on which the sender's address reads as the kernel's.
 *
 * Owns the sockets and what waits to be read. The words are `audit-protocol.ts`.
 */

import { attempt } from '../../kernel/call.ts';
import { type AuditRecord, renderAudit } from '../../model/records/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { AF, MSG, SO, SOCK, SOCK_FLAG, SOL_SOCKET } from '../../uapi/socket.ts';
import { AuditState, messagesIn, recordMessage } from './audit-protocol.ts';

/** As long as a `sockaddr_nl`: whoever asks for the sender's address finds process 0 in it. */
const ADDRESS_BYTES = 12;
const NAME_ROOM = 110;
/** Records that wait for one reader; then the oldest are lost, as on the kernel. */
const BACKLOG = 8192;

interface Client {
  readonly name: Uint8Array;
  readonly waiting: Uint8Array[];
  /** Whether it is the one that every record goes to. */
  isRegistered: boolean;
  multicast: boolean;
}

export class AuditClients implements Disposable {
  readonly #state = new AuditState();
  /** By the cookie of the program's socket, which the kernel gives only once. */
  readonly #clients = new Map<bigint, Client>();
  #server = -1;
  readonly #address = new Uint8Array(ADDRESS_BYTES);

  /** Whether a program has switched audit on. */
  get enabled(): boolean {
    return this.#state.enabled && this.#clients.size > 0;
  }

  /** Whether somebody could read. */
  get isRead(): boolean {
    return this.#clients.size > 0;
  }

  /**
   * Makes a socket for a program.
   *
   * @param type the type argument of `socket`
   * @returns the program's end, the caller's to give away, or `-errno`
   */
  open(type: number): number {
    const served = this.#serve();
    if (served < 0) return served;
    const flags = type & (SOCK_FLAG.NONBLOCK | SOCK_FLAG.CLOEXEC);
    const fd = attempt('socket', AF.UNIX, SOCK.DGRAM | flags, 0);
    if (fd < 0) return fd;
    const family = Uint8Array.of(AF.UNIX, 0);
    const bound = attempt('bind', fd, family, 2);
    // Connected: nobody but the server can write to it.
    const connected = bound < 0 ? bound : attempt('connect', fd, this.#address, ADDRESS_BYTES);
    const cookie = cookieOf(fd);
    if (connected < 0 || cookie === null) {
      attempt('close', fd);
      return connected < 0 ? connected : -ERRNO.EPROTONOSUPPORT;
    }
    this.#clients.set(cookie, { name: nameOf(fd), waiting: [], isRegistered: false, multicast: false });
    return fd;
  }

  #serve(): number {
    if (this.#server >= 0) return 0;
    const fd = attempt('socket', AF.UNIX, SOCK.DGRAM | SOCK_FLAG.CLOEXEC | SOCK_FLAG.NONBLOCK, 0);
    if (fd < 0) return fd;
    // An abstract name: a NUL, and zeros where a netlink address has the process. The rest makes it this server's own.
    this.#address.set([AF.UNIX, 0]);
    const free = crypto.getRandomValues(new Uint8Array(5));
    this.#address[3] = free[0]!;
    this.#address.set(free.subarray(1), 8);
    const bound = attempt('bind', fd, this.#address, ADDRESS_BYTES);
    if (bound < 0) {
      attempt('close', fd);
      return bound;
    }
    this.#server = fd;
    return 0;
  }

  /** Whether a descriptor of this process is the end of a program. */
  knows(fd: number): boolean {
    const cookie = this.#clients.size === 0 ? null : cookieOf(fd);
    return cookie !== null && this.#clients.has(cookie);
  }

  /** A program has sent requests: the answers are there when this returns. */
  request(fd: number, bytes: Uint8Array): void {
    const client = this.#clients.get(cookieOf(fd) ?? -1n);
    if (client === undefined) return;
    for (const message of messagesIn(bytes)) {
      const before = this.#state.registrations;
      client.waiting.unshift(...this.#state.request(message, () => !this.#isRegistered()));
      if (this.#state.registrations === before) continue;
      for (const other of this.#clients.values()) other.isRegistered = false;
      client.isRegistered = this.#state.daemon !== 0;
    }
    this.flush();
  }

  /** A program has joined the group of readers. */
  join(fd: number): void {
    const client = this.#clients.get(cookieOf(fd) ?? -1n);
    if (client !== undefined) client.multicast = true;
  }

  #isRegistered(): boolean {
    this.forget();
    return [...this.#clients.values()].some(({ isRegistered }) => isRegistered);
  }

  /** Hands a record to those who read. */
  write(record: AuditRecord, exe: string | undefined): void {
    if (!this.#state.passes(record, exe)) return;
    const message = recordMessage(record, renderAudit(record));
    for (const client of this.#clients.values()) {
      if (!client.isRegistered && !client.multicast) continue;
      client.waiting.push(message);
      if (client.waiting.length > BACKLOG) client.waiting.shift();
    }
  }

  /** Puts what waits into the sockets, as far as there is room. */
  flush(): void {
    for (const [cookie, { name, waiting }] of this.#clients) {
      while (waiting.length > 0) {
        const [message] = waiting;
        const flags = MSG.DONTWAIT | MSG.NOSIGNAL;
        const sent = attempt('sendto', this.#server, message!, message!.length, flags, name, name.length);
        if (sent === -ERRNO.EAGAIN || sent === -ERRNO.ENOBUFS || sent === -ERRNO.EINTR) break;
        if (sent < 0) {
          this.#clients.delete(cookie);
          break;
        }
        waiting.shift();
      }
    }
  }

  /** Forgets sockets that are closed everywhere. A connection to one that is open is refused with another error. */
  forget(): void {
    for (const [cookie, { name }] of this.#clients) {
      const probe = attempt('socket', AF.UNIX, SOCK.DGRAM | SOCK_FLAG.CLOEXEC, 0);
      if (probe < 0) return;
      const result = attempt('connect', probe, name, name.length);
      attempt('close', probe);
      if (result === -ERRNO.ECONNREFUSED) this.#clients.delete(cookie);
    }
  }

  [Symbol.dispose](): void {
    if (this.#server >= 0) attempt('close', this.#server);
    this.#server = -1;
    this.#clients.clear();
  }
}

function cookieOf(fd: number): bigint | null {
  const cookie = new BigUint64Array(1);
  const result = attempt('getsockopt', fd, SOL_SOCKET, SO.COOKIE, cookie, Uint32Array.of(8));
  return result < 0 ? null : cookie[0]!;
}

function nameOf(fd: number): Uint8Array {
  const name = new Uint8Array(NAME_ROOM);
  const length = Uint32Array.of(NAME_ROOM);
  const result = attempt('getsockname', fd, name, length);
  return name.slice(0, result < 0 ? 0 : length[0]!);
}
