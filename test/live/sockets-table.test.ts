/**
 * The table of socket modes, made by running a program that uses plain Landlock and nothing else, in each mode; cell by cell
 * the model's. On the kernel as such it is the row of `caller`.
 */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { userLandlockPlan } from '../../packages/landward/src/launch/landlock-user.ts';
import {
  SOCKET_MODES,
  type SocketMode,
  type SocketRow,
  socketTable,
} from '../../packages/landward/src/model/sockets/index.ts';
import { RULESET_SOCKETS } from '../../packages/landward/src/uapi/landward.ts';
import { runChild } from '../kit/child.ts';
import { fixtureProgram } from '../kit/fixture-program.ts';
import { needs, root } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';

const need = needs({ supervisor: true, root: true, tools: ['cc'] });

let program = '';
before(() => {
  if (need.skip === undefined) program = fixtureProgram('socket-modes');
});

type Words = Readonly<Record<string, string>>;

/** Two ports that nobody listens on. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports = [];
  for (const server of servers) {
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) server.close();
  return ports as unknown as readonly [number, number];
}

/** Runs the program: its exit status and what it said. */
type Runner = (
  argv: readonly [string, ...string[]],
) => Promise<{ status: number | null; stdout: string; stderr: string }>;

/** As `landward run --landlock=user --sockets=MODE` does, without the command line. */
const under =
  (mode: SocketMode): Runner =>
  async (argv) => {
    const { supervisor } = await userLandlockPlan({ sockets: mode });
    const { groups, landlock } = supervisor!;
    const env = { PATH: process.env.PATH! };
    const ran = await supervised({ groups, landlock: landlock! }, argv, { env, timeout: 40_000 });
    assert.deepEqual([ran.defects, ran.killed], [[], []]);
    return ran;
  };

const bare: Runner = async ([command, ...args]) => {
  const { code, ...said } = await runChild(command, args, { timeout: 40_000 });
  return { status: code, ...said };
};

const commandLine =
  (mode: SocketMode): Runner =>
  (argv) => {
    const landward = join(root, 'test/kit/landward.ts');
    return bare([process.execPath, landward, 'run', '--landlock=user', `--sockets=${mode}`, '--', ...argv]);
  };

/** What the program saw. */
async function seen(run: Runner, mode: string, flags: number, part: string): Promise<Words> {
  const [granted, other] = await freePorts();
  const { status, stdout, stderr } = await run([program, mode, `${flags}`, `${granted}`, `${other}`, part]);
  assert.equal(status, 0, `${mode} ${part}: ${stdout}${stderr}`);
  return Object.fromEntries(stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('=')])));
}

const GRANTS = RULESET_SOCKETS.GRANT_BIND | RULESET_SOCKETS.GRANT_CONNECT;
const FLAGS: Partial<Record<SocketMode, number>> = {
  'new-rights': GRANTS,
  'reconfigure-scope': RULESET_SOCKETS.RECONFIGURE,
  revalidate: RULESET_SOCKETS.REVALIDATE,
};

/** The cells of one run. `ungranted` is the same run under a layer that grants no new right. */
function cellsOf(words: Words, server: Words, ungranted?: Words): Omit<SocketRow, 'mode'> {
  const cell = (name: string) => {
    const all = [words[name]!];
    if (ungranted !== undefined && ungranted[name] !== words[name]) {
      assert.equal(ungranted[name], 'denied');
      all.push('new right');
    }
    const move = words[`${name}.move`];
    if (move !== undefined) all.push(move === 'sole' ? 'convertible by its only holder' : 'convertible');
    if (words[`${name}.use`] === 'asked') all.push('at every use');
    assert.notEqual(move, 'never');
    return all.join(', ');
  };
  const roads = ['unspec', 'shutdown read', 'shutdown both'];
  const safe = roads.every((road) => server[road] === 'held');
  const later = roads.every((road) => server[`${road} after the transition`] === 'held');
  assert.equal(server.s, 'held', 'a new socket leads nowhere');
  return {
    before: cell('before'),
    inside: cell('inside'),
    passedIn: cell('passedIn'),
    passedOut: cell('passedOut'),
    accepted: cell('accepted'),
    dissolve: words.dissolve!,
    serverSafe: safe ? 'yes' : later ? 'after the transition' : 'no',
  };
}

async function measured(mode: SocketMode, flags = FLAGS[mode] ?? 0): Promise<Omit<SocketRow, 'mode'>> {
  const run = (part: string, with_ = flags) => seen(under(mode), mode, with_, part);
  const ungranted = mode === 'new-rights' ? await run('CELLS', 0) : undefined;
  const cells = cellsOf(await run('CELLS'), await run('SERVER'), ungranted);
  const { handed } = await run('THREAD');
  assert.equal(handed, cells.passedOut.split(', ')[0], 'handed to siblings is as good as passed out');
  return cells;
}

/** Titles are written out: a tool collects the rows of requirements that they name. */
const TITLES: Record<SocketMode, string> = {
  caller: 'caller: real sockets are what the model says [R-000-1, R-000-9, R-000-10, R-000-18, R-000-22]',
  socket: 'socket: real sockets are what the model says [R-000-2, R-000-9, R-000-10, R-000-18]',
  both: 'both: real sockets are what the model says [R-000-3, R-000-9, R-000-10, R-000-18]',
  ruleset: 'ruleset: real sockets are what the model says [R-000-4, R-000-9, R-000-10, R-000-18]',
  'new-rights': 'new-rights: real sockets are what the model says [R-000-5, R-000-9, R-000-10, R-000-18]',
  'reconfigure-scope':
    'reconfigure-scope: real sockets are what the model says [R-000-6, R-000-9, R-000-10, R-000-18]',
  transition: 'transition: real sockets are what the model says [R-000-13, R-000-9, R-000-10, R-000-18]',
  revalidate: 'revalidate: real sockets are what the model says [R-000-14, R-000-9, R-000-10, R-000-18]',
};

for (const mode of SOCKET_MODES)
  test(TITLES[mode], need, async () => {
    const { mode: _, ...expected } = socketTable().find((row) => row.mode === mode)!;
    if (mode !== 'ruleset') return assert.deepEqual(await measured(mode), expected);
    const caller = await measured(mode);
    const socket = await measured(mode, RULESET_SOCKETS.SUBJECT_SOCKET);
    const both = Object.entries(caller).map(([column, cell]) => {
      const second = socket[column as keyof typeof socket];
      return [column, cell === second ? cell : `caller: ${cell}; socket: ${second}`];
    });
    assert.deepEqual(Object.fromEntries(both), expected);
  });

test(
  'the kernel as such has the mode caller [R-000-1]',
  needs({ abi: 4, tools: ['cc'], root: true }),
  async () => {
    const cells = cellsOf(await seen(bare, 'caller', 0, 'CELLS'), await seen(bare, 'caller', 0, 'SERVER'));
    const { mode: _, ...expected } = socketTable()[0]!;
    assert.deepEqual(cells, expected);
  },
);

test('the command line takes a mode, and no other word [R-000-2]', need, async () => {
  const cells = await seen(commandLine('socket'), 'socket', 0, 'SERVER');
  assert.deepEqual([cells.s, cells.unspec], ['held', 'taken over']);
  const wrong = await commandLine('capability' as SocketMode)(['true']);
  assert.equal(wrong.status, 125);
  assert.match(wrong.stderr, /There is no mode capability for sockets/);
});
