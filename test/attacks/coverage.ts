/**
 * The list of attack classes that this suite is measured by, 1 to 39, and what is proven of each: run by cases of this
 * folder, proven elsewhere, or not held by the kernel alone, with the reason. A class cannot be missing or said twice.
 */

export type Coverage =
  | { readonly state: 'run'; readonly what: string }
  | { readonly state: 'elsewhere'; readonly what: string; readonly where: string }
  | { readonly state: 'not held'; readonly what: string; readonly why: string };

const run = (what: string): Coverage => ({ state: 'run', what });
const elsewhere = (what: string, where: string): Coverage => ({ state: 'elsewhere', what, where });
const notHeld = (what: string, why: string): Coverage => ({ state: 'not held', what, why });

export const COVERAGE: Readonly<Record<number, Coverage>> = {
  1: run('a symbolic link in a granted tree to a secret'),
  2: run('a granted path replaced between compiling and starting'),
  3: run('other spellings and other names of a secret: dots, directory descriptors, hard links'),
  4: run('a hard link made to a file that may only be read'),
  5: run('a secret moved into a granted tree, while moves between granted trees work'),
  6: run('an own file exchanged with a foreign one'),
  7: run('a deny inside an allowed tree: held by the supervisor, or by granting the siblings'),
  8: run('aliases of a secret below /proc'),
  9: run('a file below an inherited directory descriptor'),
  10: run('an O_PATH descriptor from before, opened again'),
  11: run('an inherited descriptor'),
  12: run('an abstract socket outside, over which descriptors could be passed'),
  13: run('every way to change a file that may only be read'),
  14: run(
    'metadata of files that may only be read: held by the supervisor, because Landlock does not know it',
  ),
  15: run('a service behind a socket file'),
  16: run('special files and devices'),
  17: notHeld(
    'a file system that answers differently each time',
    'needs a FUSE file system; the kernel judges what it opened, and the supervisor what it pinned, not what a name was',
  ),
  18: run('mounts and a changed root directory'),
  19: run('the project itself replaced while the program runs'),
  20: run('programs from writable places and from memory'),
  21: run('the policy file rewritten from inside'),
  22: run('a deny glob over 200,000 files'),
  23: run('tracing, memory and descriptors of a process outside'),
  24: run('the environment of a process outside'),
  25: run('every way to signal a process outside, while own children can be ended'),
  26: run('threads that existed before the restriction'),
  27: run('threads that are made after the restriction'),
  28: run('foreign system call tables'),
  29: run('new namespaces by every call that makes one'),
  30: run('io_uring'),
  31: elsewhere('a system call that nobody has classified', 'test/sim/uapi-classes.test.ts'),
  32: run('an own filter that allows everything'),
  33: run('terminal input injection, with high bits set too'),
  34: run('moves between granted trees below two layers'),
  35: run('a set-user-id program'),
  36: run('kernel interfaces that no sandboxed program needs'),
  37: run('floods of processes (as an ordinary user), memory, descriptors and file size'),
  38: run('the death of the process that waits for the time limit'),
  39: run('sixteen layers: one more must be refused, not ignored'),
};
