/** Terminals: whether a descriptor is one, its size, its foreground group, and new pairs for tests. */

import { ERRNO } from '../uapi/errno.ts';
import { IOCTL } from '../uapi/ioctl.ts';
import { AT_FDCWD, O } from '../uapi/open.ts';
import { ARCH, attempt, call, refusal } from './call.ts';
import { Fd } from './fd.ts';

const TERMIOS_BYTES = 64;
const WINSIZE_BYTES = 8;
const TIOCGPTPEER = 0x5441;
const TIOCSPTLCK = 0x4004_5431;

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return attempt('ioctl', fd, IOCTL.TCGETS, new Uint8Array(TERMIOS_BYTES)) === 0;
}

export interface WindowSize {
  readonly rows: number;
  readonly columns: number;
}

/** The size of a terminal's window, in characters; `null` where the descriptor is no terminal. */
export function windowSize(fd: number): WindowSize | null {
  const size = new Uint16Array(WINSIZE_BYTES / 2);
  if (attempt('ioctl', fd, IOCTL.TIOCGWINSZ, size) !== 0) return null;
  return { rows: size[0]!, columns: size[1]! };
}

/** Sets the size of a terminal's window; its foreground group gets SIGWINCH when it changes. */
export function setWindowSize(fd: number, size: WindowSize): void {
  const bytes = new Uint16Array([size.rows, size.columns, 0, 0]);
  call('set the window size', 'ioctl', fd, IOCTL.TIOCSWINSZ, bytes);
}

/** The foreground process group of a terminal; `null` where this is not the terminal of the session. */
export function foregroundGroup(fd: number): number | null {
  const group = new Int32Array(1);
  const result = attempt('ioctl', fd, IOCTL.TIOCGPGRP, group);
  return result === 0 ? group[0]! : null;
}

/**
 * Makes a process group the foreground group of a terminal. From the background this stops the caller with SIGTTOU
 * unless that signal is blocked or ignored.
 */
export function setForegroundGroup(fd: number, group: number): void {
  const result = attempt('ioctl', fd, IOCTL.TIOCSPGRP, new Int32Array([group]));
  if (result < 0 && result !== -ERRNO.ESRCH) throw refusal('set the foreground group', 'ioctl', -result);
}

/** Both ends of a new pseudo-terminal, owned by the caller, close-on-exec. Does not become the controlling terminal. */
export function openTerminal(): { readonly manager: Fd; readonly terminal: Fd } {
  const flags = O[ARCH].RDWR | O[ARCH].NOCTTY | O[ARCH].CLOEXEC;
  const path = new TextEncoder().encode('/dev/ptmx\0');
  const manager = new Fd(call('open a terminal', 'openat', AT_FDCWD, path, flags, 0));
  try {
    call('unlock the terminal', 'ioctl', manager.number, TIOCSPTLCK, new Int32Array([0]));
    return {
      manager,
      terminal: new Fd(call('open the terminal', 'ioctl', manager.number, TIOCGPTPEER, flags)),
    };
  } catch (error) {
    manager.close();
    throw error;
  }
}
