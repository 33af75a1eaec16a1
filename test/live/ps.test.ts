import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Sandbox, View } from '../../packages/landward/src/audit/ps/sandboxes.ts';
import { renderEvent } from '../../packages/landward/src/audit/render.ts';
import { auditUnmet, whileReading } from '../kit/audit.ts';
import { landwardBin, runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const POLICY = (folder: string) => `
extends = ["@base", "@shell"]
[fs]
read = ["${folder}"]
deny = ["${folder}/secret"]
[log]
new_exec = true
`;

interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

function place(t: TestContext): Place {
  const folder = temporaryDirectory(t, 'ps');
  const state = temporaryDirectory(t, 'ps-state');
  mkdirSync(join(folder, 'secret'));
  for (const name of ['key', 'other']) writeFileSync(join(folder, 'secret', name), 'x');
  writeFileSync(join(folder, 'p.toml'), POLICY(folder));
  return { folder, env: { ...process.env, XDG_STATE_HOME: state } };
}

/** A supervised shell that says when it has done its first part, and goes on until its input ends. */
async function startShell(
  t: TestContext,
  { folder, env }: Place,
  first: string,
  before: readonly string[] = [],
) {
  const words = [
    ...before,
    ...[process.execPath, landwardBin, 'run', '-p', 'p.toml', '--'],
    ...['bash', '-c', `${first}; echo up; read -r line; exit 0`],
  ];
  const child = spawn(words[0]!, words.slice(1), { cwd: folder, env, stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  await new Promise<void>((up, refuse) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => text.includes('up') && up());
    child.once('close', (code) => refuse(new Error(`the shell ended with ${code}`)));
  });
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  const over = new Promise((done) => child.once('close', done));
  child.stdin!.end();
  await over;
}

/** What `landward ps` shows of the runs of this place. */
async function ps(
  env: NodeJS.ProcessEnv,
  args: readonly string[] = [],
  before: readonly string[] = [],
): Promise<View> {
  const words = [...before, process.execPath, landwardBin, 'ps', '--json', ...args];
  const result = await runChild(words[0]!, words.slice(1), { env });
  assert.equal(result.code, 0, result.stderr);
  return JSON.parse(result.stdout);
}
const ours = ({ sandboxes }: View): Sandbox => {
  const found = sandboxes.filter(({ policy }) => policy.some((word) => word.endsWith('/p.toml')));
  assert.equal(found.length, 1, JSON.stringify(sandboxes));
  return found[0]!;
};

test(
  'a run is shown while it lives, with what holds it, and afterwards as ended',
  needs({ abi: 6 }),
  async (t) => {
    const where = place(t);
    const shell = await startShell(t, where, 'cat secret/key; cat secret/other; { sleep 1000 & }');
    const live = ours(await ps(where.env));
    const [first] = live.processes;
    assert.deepEqual(
      [
        live.state,
        live.mode,
        live.denials,
        live.layers,
        live.noNewPrivs,
        live.name,
        live.domain,
        live.parent,
      ],
      ['running', 'supervisor', 2, { atLeast: 2, of: 16 }, true, `${first!.pid}.0`, null, null],
    );
    assert.ok(live.seccompFilters! >= 1);
    assert.deepEqual(live.processes.map(({ comm }) => comm).sort(), ['bash', 'sleep']);
    assert.match(live.command[2]!, /^cat secret/);
    await ended(shell);
    assert.ok((await ps(where.env)).sandboxes.every(({ run }) => run !== live.run));
    const after = ours(await ps(where.env, ['--all']));
    assert.deepEqual([after.run, after.state, after.denials, after.processes], [live.run, 'ended', 2, []]);
  },
);

test(
  'another user sees the mark and the processes, not the policy',
  needs({ abi: 6, root: true, tools: ['setpriv'] }),
  async (t) => {
    const where = place(t);
    chmodSync(where.folder, 0o755);
    const shell = await startShell(t, where, 'true');
    const { run, processes } = ours(await ps(where.env));
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const view = await ps({ ...where.env, HOME: '/nonexistent', XDG_STATE_HOME: '/nonexistent' }, [], nobody);
    const seen = view.sandboxes.find((each) => each.run === run)!;
    assert.deepEqual(
      [seen.mode, seen.command, seen.policy, seen.digest, seen.processes],
      ['unknown', [], [], null, processes],
    );
    assert.ok(view.unseen.some((line) => line.includes("that user's registry")));
    await ended(shell);
  },
);

const namespaced = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

test(
  'names are relative to PID namespaces, from outside and from inside',
  needs({ abi: 6, root: true, tools: ['unshare'] }),
  async (t) => {
    const outer = place(t);
    const shell = await startShell(t, outer, 'true');
    // From a namespace below, nobody in sight made the domain: hidden, and not said to have ended.
    const inside = ours(await ps(outer.env, [], namespaced));
    assert.deepEqual([inside.name, inside.state, inside.processes], ['0.0', 'unknown', []]);
    assert.ok(
      (await ps(outer.env, [], namespaced)).unseen.includes('processes outside of this PID namespace'),
    );
    await ended(shell);
    // Made in a namespace below, the thread has a number up here, too, and another one there.
    const lower = place(t);
    const deep = await startShell(t, lower, 'true', namespaced);
    const outside = ours(await ps(lower.env));
    assert.equal(outside.state, 'running');
    assert.equal(outside.name, `${outside.processes[0]!.pid}.0`);
    assert.ok(outside.processes[0]!.pid > 20, 'not the number that it has below');
    await ended(deep);
  },
);

const reason = auditUnmet();
test(
  "the kernel's identifier of a run comes from audit",
  reason === undefined ? {} : { skip: reason },
  async (t) => {
    const where = place(t);
    let shell: ChildProcess | undefined;
    const items = await whileReading(
      async () => {
        shell = await startShell(t, where, 'kill -0 1');
      },
      (all) =>
        all.some(
          (item) =>
            item.kind === 'denial' && item.event.object.kind === 'task' && item.event.object.pid === 1,
        ),
    );
    const log = items.flatMap((item) => {
      if (item.kind === 'denial') {
        const rendered = renderEvent(item.event, 'audit');
        const pid = item.event.process?.pid;
        const call = `type=SYSCALL msg=audit(${Math.floor(item.event.time / 1000)}.${String(item.event.time % 1000).padStart(3, '0')}:${item.event.serial}): arch=c000003e syscall=62 success=no exit=-1 a0=1 a1=0 a2=0 a3=0 items=0 ppid=1 pid=${pid} auid=0 uid=0 gid=0 comm="bash" exe="/bin/bash"`;
        return rendered.ok ? [rendered.line, call] : [];
      }
      return [];
    });
    const file = join(where.folder, 'audit.log');
    writeFileSync(file, `${log.join('\n')}\n`);
    const shown = ours(await ps(where.env, ['--from', file]));
    const event = items.find(
      (item) => item.kind === 'denial' && `${item.event.process?.pid}.0` === shown.name,
    );
    assert.ok(event?.kind === 'denial' && event.event.domain?.kind === 'kernel');
    assert.equal(shown.domain, event.event.domain.id.toString(16));
    assert.deepEqual(event.event.missing, ['scope.signal']);
    await ended(shell!);
  },
);

test('ps tells what it takes', async () => {
  for (const [args, message] of [
    [['x'], /ps takes no operands/],
    [['--from', 'audit'], /never ends/],
    [['--from', '/nonexistent'], /Cannot read/],
  ] as const) {
    const result = await runChild(process.execPath, [landwardBin, 'ps', ...args]);
    assert.equal(result.code, 125);
    assert.match(result.stderr, message);
  }
});
