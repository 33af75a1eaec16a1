/** Threads that restrict themselves and share sockets, under user-space Landlock: a script in, results and denials out. */

import assert from 'node:assert/strict';
import { userLandlockPlan } from '../../packages/landward/src/launch/landlock-user.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import type { SocketMode } from '../../packages/landward/src/model/sockets/index.ts';
import { errnoName } from '../../packages/landward/src/uapi/errno.ts';
import { supervised } from './supervised.ts';

/** What a script did. */
export interface Played {
  /** Of each line: `ok`, or the name of the errno. */
  readonly results: readonly string[];
  readonly events: readonly DenialEvent[];
}

/**
 * Plays a script (see `test/fixtures/socket-agents.c`).
 *
 * @param program the compiled fixture
 */
export async function play(program: string, mode: SocketMode, script: readonly string[]): Promise<Played> {
  const { supervisor } = await userLandlockPlan({ sockets: mode });
  const { groups, landlock } = supervisor!;
  const ran = await supervised({ groups, landlock: landlock! }, [program], {
    stdin: `${script.join('\n')}\n`,
    env: { PATH: process.env.PATH! },
    timeout: 20_000,
  });
  assert.deepEqual([ran.defects, ran.killed, ran.status], [[], [], 0], ran.stderr);
  const results = ran.stdout
    .trim()
    .split('\n')
    .map((word) => (/^\d/.test(word) ? errnoName(Number(word)) : word));
  assert.equal(results.length, script.length);
  return { results, events: ran.events };
}

/** Plays a script of lines that say what they expect behind `=`; several words where any will do. */
export async function expectPlay(
  program: string,
  mode: SocketMode,
  script: readonly string[],
): Promise<readonly DenialEvent[]> {
  const lines = script.map((line) => line.split('=').map((part) => part.trim()) as [string, string?]);
  const { results, events } = await play(
    program,
    mode,
    lines.map(([line]) => line),
  );
  lines.forEach(([line, expected = 'ok'], index) => {
    const told = results.slice(0, index + 1).map((result, at) => `${lines[at]![0]} = ${result}`);
    assert.ok(
      expected.split(' ').includes(results[index]!),
      `${mode}: ${line} should be ${expected}\n${told.join('\n')}`,
    );
  });
  return events;
}
