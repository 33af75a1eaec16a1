/**
 * A dialogue with a program in a pseudo-terminal, through Python's `pty`: wait for text, then type, resize or signal.
 * The program is the leader of a new session whose controlling terminal this is.
 */

import { type ChildOptions, runChild } from './child.ts';

/** One turn: once `expect` (a Python regular expression) was seen behind the last turn's, do the rest. */
export interface Turn {
  readonly expect: string;
  /** Typed as it is; `\x03` is Ctrl-C, `\x1a` Ctrl-Z. */
  readonly type?: string;
  /** Rows and columns. */
  readonly resize?: readonly [number, number];
  /** A signal for the process whose id is the first group of `expect`. */
  readonly signal?: number;
}

/** What came of it. */
export interface Dialogue {
  /** All that the terminal showed. */
  readonly output: string;
  /** The exit status, negative for a signal. */
  readonly status: number;
  /** The turn whose text never came, if one failed. */
  readonly missed: string | null;
}

const SCRIPT = `
import fcntl, json, os, pty, re, select, struct, sys, termios, time
turns, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen, at, over = '', 0, False
def more(deadline):
    global seen, over
    if over or not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
        return False
    try:
        data = os.read(fd, 65536)
    except OSError:
        data = b''
    over = not data
    seen += data.decode('utf8', 'replace')
    return not over
missed = None
for turn in turns:
    deadline = time.monotonic() + 30
    while True:
        found = re.compile(turn['expect']).search(seen, at)
        if found or not more(deadline):
            break
    if not found:
        missed = turn['expect']
        os.kill(pid, 9)
        break
    at = found.end()
    if 'resize' in turn:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', *turn['resize'], 0, 0))
    if 'signal' in turn:
        os.kill(int(found.group(1)), turn['signal'])
    if 'type' in turn:
        os.write(fd, turn['type'].encode())
deadline = time.monotonic() + 30
while more(deadline):
    pass
if not over:
    missed = missed or 'the end'
    os.kill(pid, 9)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({'output': seen, 'status': status, 'missed': missed}))
`;

/** Runs a command in a fresh terminal and has the dialogue. */
export async function dialogue(
  command: readonly string[],
  turns: readonly Turn[],
  options: ChildOptions = {},
): Promise<Dialogue> {
  const { stdout, stderr } = await runChild(
    'python3',
    ['-c', SCRIPT, JSON.stringify(turns), ...command],
    options,
  );
  try {
    return JSON.parse(stdout) as Dialogue;
  } catch {
    throw new Error(`the dialogue ended without a result: ${stderr}`);
  }
}
