/**
 * One connection to a run's supervisor: its request is read by hand, since each piece tells who sent it, and answered once.
 *
 * Owns the secret that proves that whoever asks may trace this process. Both who has connected and who sends are looked at, so
 * that a connection that was handed to a sandboxed program is worth nothing there.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { Socket } from 'node:net';
import { LandwardError } from '../../errors.ts';
import { attempt } from '../../kernel/call.ts';
import { watchPidfd } from '../../kernel/process.ts';
import { type Piece, peerOf, receiveFrom } from '../../kernel/unix-listener.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { MFD } from '../../uapi/open.ts';
import { examinePeer } from './peer.ts';
import {
  type Answer,
  type Greeting,
  MAX_REQUEST_BYTES,
  PATIENCE_MS,
  type Request,
  readRequest,
  VERSION,
} from './protocol.ts';

const NEWLINE = 10;

/** Who asks, as the log names it: `uid 1000 pid 123 (landward)`. */
export type Editor = string;

/** Answers a request; throws a `LandwardError` where it is refused. */
export type Handle = (request: Request, editor: Editor) => Promise<unknown>;

/** A refusal with the errno that the model gave. */
export class Denied {
  readonly errno: number;
  readonly message: string;

  constructor(errno: number, message: string) {
    this.errno = errno;
    this.message = message;
  }
}

export class Conversation implements Disposable {
  readonly #fd: number;
  readonly #run: string;
  readonly #handle: Handle;
  readonly #over: () => void;
  readonly #secret = randomBytes(16).toString('hex');
  readonly #proof: number;
  readonly #timer: NodeJS.Timeout;
  readonly #pieces: Uint8Array[] = [];
  #watch: ReturnType<typeof watchPidfd> | undefined;
  #length = 0;
  #editor: Editor = '';
  #answering: Socket | undefined;
  #closed = false;

  constructor(fd: number, run: string, handle: Handle, over: () => void) {
    this.#fd = fd;
    this.#run = run;
    this.#handle = handle;
    this.#over = over;
    this.#proof = attempt(
      'memfd_create',
      new TextEncoder().encode(`landward:${this.#secret}\0`),
      MFD.CLOEXEC,
    );
    this.#timer = setTimeout(() => this[Symbol.dispose](), PATIENCE_MS);
    this.#timer.unref();
  }

  begin(): void {
    const refused = this.#proof < 0 ? 'there is no descriptor left' : this.#refusalOf(peerOf(this.#fd));
    if (refused !== null) {
      this.#refuse(refused);
      return;
    }
    const greeting: Greeting = { version: VERSION, run: this.#run, pid: process.pid, fd: this.#proof };
    const bytes = new TextEncoder().encode(`${JSON.stringify(greeting)}\n`);
    // A fresh connection has room for one line.
    if (attempt('write', this.#fd, bytes, bytes.length) === bytes.length) this.#await();
    else this[Symbol.dispose]();
  }

  #await(): void {
    this.#watch = watchPidfd(this.#fd, () => this.#receive());
    this.#watch.ref(false);
  }

  #receive(): void {
    if (this.#closed) return;
    const piece = receiveFrom(this.#fd);
    if (piece === -ERRNO.EAGAIN || piece === -ERRNO.EINTR) this.#await();
    else if (typeof piece === 'number') this[Symbol.dispose]();
    else this.#take(piece);
  }

  #take({ bytes, sender, descriptors }: Piece): void {
    // At the end of a connection nobody has sent anything.
    if (bytes.length === 0 && !descriptors) {
      if (sender !== null) attempt('close', sender);
      this[Symbol.dispose]();
      return;
    }
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    const refused =
      this.#refusalOf(sender ?? -ERRNO.ESRCH) ??
      (descriptors ? 'descriptors were sent along, which nobody asked for' : null) ??
      (this.#length > MAX_REQUEST_BYTES ? `a request has at most ${MAX_REQUEST_BYTES} bytes` : null);
    if (refused !== null) this.#refuse(refused);
    else if (bytes.at(-1) === NEWLINE) void this.#answer(Buffer.concat(this.#pieces).toString('utf8'));
    else this.#await();
  }

  /** Why whoever is behind a pidfd is not heard; closes the pidfd. */
  #refusalOf(pidfd: number): string | null {
    if (pidfd < 0) return 'the kernel does not tell who speaks, or the process has ended';
    try {
      const peer = examinePeer(pidfd);
      if (peer.refused !== undefined) return peer.refused;
      this.#editor = `uid ${peer.uid} pid ${peer.pid} (${peer.name})`;
      return null;
    } finally {
      attempt('close', pidfd);
    }
  }

  async #answer(line: string): Promise<void> {
    clearTimeout(this.#timer);
    const read = readRequest(line);
    if (!read.ok) {
      this.#refuse(`the request is not understood: ${read.reason}`);
      return;
    }
    const given = Buffer.from(read.value.proof);
    const wanted = Buffer.from(this.#secret);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      this.#refuse('it may not look into the process that supervises');
      return;
    }
    try {
      const value = await this.#handle(read.value.request, this.#editor);
      this.#send({ ok: true, value });
    } catch (error) {
      this.#send(answerOf(error));
    }
  }

  #refuse(reason: string): void {
    const message = `Only the owner of a run may ask about it, from outside of every sandbox: ${reason}`;
    this.#send({ ok: false, errno: ERRNO.EPERM, code: 'USAGE', message });
  }

  #send(answer: Answer): void {
    if (this.#closed || this.#answering !== undefined) return;
    const text = `${JSON.stringify(answer)}\n`;
    clearTimeout(this.#timer);
    this.#watch?.stop();
    const socket = new Socket({ fd: this.#fd, readable: false, writable: true });
    this.#answering = socket;
    socket.on('error', () => {});
    socket.on('close', () => this[Symbol.dispose]());
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.unref();
    socket.end(text);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#watch?.stop();
    if (this.#proof >= 0) attempt('close', this.#proof);
    if (this.#answering === undefined) attempt('close', this.#fd);
    else this.#answering.destroy();
    this.#over();
  }
}

function answerOf(error: unknown): Answer {
  if (error instanceof Denied)
    return { ok: false, errno: error.errno, code: 'USAGE', message: error.message };
  if (error instanceof LandwardError)
    return {
      ok: false,
      errno: 0,
      code: error.code,
      message: [error.message, error.fix ?? []].flat().join('\n'),
    };
  return { ok: false, errno: ERRNO.EIO, code: 'SUPERVISOR', message: 'landward has a defect here' };
}
