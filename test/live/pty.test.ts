/**
 * `landward run` in a real terminal, beside the same program without it: Ctrl-C, Ctrl-Z with job control, window size,
 * where landward becomes the program, and where it stays beside it (a time limit, a supervisor).
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dialogue, type Turn } from '../kit/dialogue.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 1, tools: ['python3', 'bash', 'perl', 'stty'] });
/** What an interactive bash without start-up files shows. */
const PROMPT = 'bash-[0-9.]+[#$] ';
const landward = [process.execPath, join(root, 'test/kit/landward.ts'), 'run'];

/** The ways to run a program: plain, become, stay, and stay with a supervisor. */
function ways(
  t: Parameters<typeof temporaryDirectory>[0],
): readonly (readonly [string, readonly string[], string])[] {
  const work = temporaryDirectory(t);
  const policies = temporaryDirectory(t);
  const limited = join(policies, 'limited.toml');
  writeFileSync(limited, 'extends = ["@default"]\n[limits]\ntime = "10m"\n');
  const become = join(policies, 'become.toml');
  writeFileSync(become, 'extends = ["@default"]\n');
  const supervised = join(policies, 'supervised.toml');
  writeFileSync(supervised, 'extends = ["@default"]\n[fs]\ndeny = ["/**/.env"]\n');
  // The policies lie in the writable temporary directory, which is a gap of its own.
  const accept = ['--degrade', 'self'];
  return [
    ['plain', [], work],
    ['become', [...landward, ...accept, '-p', become, '--'], work],
    ['stay', [...landward, ...accept, '-p', limited, '--'], work],
    ['supervised', [...landward, ...accept, '-p', supervised, '--'], work],
  ];
}

test('Ctrl-C reaches the program once, and it decides what that means', NEEDS, async (t) => {
  // Not a shell: one that waits for a child may take the key for the child's end and lose it.
  const script =
    '$| = 1; $SIG{INT} = sub { $n++; print "got-int $n\\n"; exit 7 if $n == 3 }; print "ready\\n"; sleep 1 while 1';
  for (const [way, prefix, cwd] of ways(t)) {
    const turns: Turn[] = [
      { expect: 'ready', type: '\x03' },
      { expect: 'got-int 1', type: '\x03' },
      { expect: 'got-int 2', type: '\x03' },
      { expect: 'got-int 3' },
    ];
    const { output, status, missed } = await dialogue([...prefix, 'perl', '-e', script], turns, { cwd });
    assert.equal(missed, null, `${way}: ${output}`);
    assert.equal(status, 7, way);
    assert.equal(output.match(/got-int/g)?.length, 3, `${way}: ${output}`);
  }
});

test('a program that does not catch Ctrl-C dies of it', NEEDS, async (t) => {
  const expected = { plain: -2, become: -2, stay: 130, supervised: 130 } as Record<string, number>;
  for (const [way, prefix, cwd] of ways(t)) {
    const { status, output } = await dialogue(
      [...prefix, 'bash', '-c', 'echo ready; exec sleep 60'],
      [{ expect: 'ready', type: '\x03' }],
      { cwd },
    );
    assert.equal(status, expected[way], `${way}: ${output}`);
  }
});

test(
  'Ctrl-Z stops the job, fg goes on with it, standard input and status are the program’s',
  NEEDS,
  async (t) => {
    for (const [way, prefix, cwd] of ways(t)) {
      const line = [...prefix, 'bash', '-c', "'echo ready; read answer; echo got-$answer; exit 9'"].join(' ');
      const turns: Turn[] = [
        { expect: PROMPT, type: `${line}\n` },
        { expect: '[\\r\\n]ready', type: '\x1a' },
        { expect: `Stopped[\\s\\S]*${PROMPT}`, type: 'fg\n' },
        // The shell repeats the command line when the job is in the foreground again.
        { expect: 'bash -c', type: 'yes\n' },
        { expect: `got-yes[\\s\\S]*${PROMPT}`, type: 'echo status-$?\n' },
        { expect: 'status-9', type: 'exit\n' },
      ];
      const shell = ['bash', '--norc', '--noprofile', '-i'];
      const { missed, output } = await dialogue(shell, turns, {
        cwd,
        env: { ...process.env, HISTFILE: '/dev/null' },
      });
      assert.equal(missed, null, `${way}: ${output}`);
    }
  },
);

test('the window’s size is the program’s, and it hears of changes', NEEDS, async (t) => {
  for (const [way, prefix, cwd] of ways(t)) {
    const program = [
      'bash',
      '-c',
      'trap "stty size; exit 3" WINCH; stty size; echo ready; while :; do sleep 0.05; done',
    ];
    const { missed, output, status } = await dialogue(
      [...prefix, ...program],
      [{ expect: 'ready', resize: [33, 101] }, { expect: '33 101' }],
      { cwd },
    );
    assert.equal(missed, null, `${way}: ${output}`);
    assert.equal(status, 3, way);
  }
});

test('a signal for landward alone reaches the program that it stays beside, once', NEEDS, async (t) => {
  const stay = ways(t)[2]!;
  const script = `trap "echo got-term; trap 'echo got-hup; exit 4' HUP; echo parent $PPID" TERM
    echo parent $PPID; while :; do sleep 0.05; done`;
  const turns: Turn[] = [
    { expect: 'parent (\\d+)', signal: 15 },
    { expect: 'got-term\\s+parent (\\d+)', signal: 1 },
    { expect: 'got-hup' },
  ];
  const { missed, output, status } = await dialogue([...stay[1], 'bash', '-c', script], turns, {
    cwd: stay[2],
  });
  assert.equal(missed, null, output);
  assert.equal(status, 4);
  assert.equal(output.match(/got-term/g)?.length, 1, output);
});
