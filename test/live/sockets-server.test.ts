/** The TCP server of the examples and its attackers: what docs/sockets.md prints for each mode is what happens. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { userLandlockPlan } from '../../packages/landward/src/launch/landlock-user.ts';
import type { SocketMode } from '../../packages/landward/src/model/sockets/index.ts';
import { SOCKET_MODES } from '../../packages/landward/src/model/sockets/index.ts';
import { runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';

const server = ['-C', 'landward-source', join(root, 'examples/tcp-server/modes.ts')];
const PATH = process.env.PATH!;

/** What the page shows: the words behind `--sockets=`, and the lines below. */
function shown(): readonly { readonly words: readonly string[]; readonly output: string }[] {
  const page = readFileSync(join(root, 'docs/sockets.md'), 'utf8');
  const block = /^```text\n(--sockets=[\s\S]*?)^```$/m.exec(page)![1]!;
  return block
    .split(/^--sockets=/m)
    .slice(1)
    .map((part) => {
      const [head, ...lines] = part.trim().split('\n');
      return { words: head!.split(' '), output: lines.join('\n') };
    });
}

async function serve(mode: SocketMode, options: readonly string[]): Promise<string> {
  const { supervisor } = await userLandlockPlan({ sockets: mode });
  const { groups, landlock } = supervisor!;
  const ran = await supervised({ groups, landlock: landlock! }, [process.execPath, ...server, ...options], {
    env: { PATH },
    cwd: root,
    timeout: 30_000,
  });
  assert.deepEqual([ran.defects, ran.killed], [[], []]);
  assert.equal(ran.status, 0, `${mode}: ${ran.stdout}${ran.stderr}`);
  return ran.stdout.trim();
}

test('the page has every mode [R-000-10]', () => {
  assert.deepEqual([...new Set(shown().map(({ words }) => words[0]))], SOCKET_MODES);
});

for (const { words, output } of shown())
  test(
    `--sockets=${words.join(' ')}: the server and its attackers do what the page shows`,
    needs({ supervisor: true }),
    async () => {
      assert.equal(await serve(words[0] as SocketMode, words.slice(1)), output);
    },
  );

const bare = async (...options: readonly string[]) =>
  (await runChild(process.execPath, [...server, ...options], { cwd: root, timeout: 30_000 })).stdout.trim();

test('on the kernel as such one layer holds both attacks [R-000-10]', needs({ abi: 4 }), async () => {
  assert.equal(await bare(), shown().find(({ words }) => words.join(' ') === 'caller')!.output);
});

test('without the restriction both attacks succeed', async () => {
  const reached = ['s', 'r', 'd'].map((word) => `${word}  connect: taken over`);
  assert.equal(await bare('--open'), ['h  hello yourself', ...reached].join('\n'));
});
