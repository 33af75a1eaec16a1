/**
 * From a denial to its end, on the running kernel: a program runs into denials of every class that a policy can allow, the
 * kernel's own audit tells of them, each is explained with the line that would have to change, `allow` changes it, and
 * the next run meets none of them.
 */

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { DenialGroups } from '../../packages/landward/src/audit/explain/explain.ts';
import type { Explanation } from '../../packages/landward/src/audit/explain/explanation.ts';
import { explanationLines } from '../../packages/landward/src/audit/explain/words.ts';
import { listRuns, readDenials } from '../../packages/landward/src/audit/registry/read.ts';
import type { SourceItem } from '../../packages/landward/src/audit/sources/source.ts';
import { applyEdit, proposeEdits } from '../../packages/landward/src/launch/allow.ts';
import { layersOfPolicies, suggestionHost } from '../../packages/landward/src/launch/explain.ts';
import type { DenialEvent } from '../../packages/landward/src/model/denial.ts';
import { auditUnmet, whileReading } from '../kit/audit.ts';
import { type ChildResult, runChild } from '../kit/child.ts';
import { root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const reason = auditUnmet();
const live = reason === undefined ? {} : { skip: reason };

/** Tries one thing of each class, and prints what worked. */
const PROGRAM = `
import os, socket, subprocess, sys
zone, port, own, outside = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
at = lambda name: os.path.join(zone, name)
def tcp(): socket.create_connection(('127.0.0.1', port), 5).close()
def bind():
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('127.0.0.1', own)); s.close()
def shut(): open(at('shut')).read()
deeds = [
  ('read', lambda: open(at('file')).read()), ('write', lambda: open(at('file'), 'r+').write('x')),
  ('list', lambda: os.listdir(at('dir'))), ('run', lambda: subprocess.run([at('helper')], check=True)),
  ('mkdir', lambda: (os.mkdir(at('new')), os.rmdir(at('new')))), ('unlink', lambda: (open(at('t'), 'w').close(), os.unlink(at('t')))),
  ('move', lambda: (os.rename(at('from/x'), at('to/x')), os.rename(at('to/x'), at('from/x')))),
  ('truncate', lambda: os.truncate(at('file'), 1)), ('symlink', lambda: (os.symlink('a', at('l')), os.unlink(at('l')))),
  ('fifo', lambda: (os.mkfifo(at('f')), os.unlink(at('f')))),
  ('connect', tcp), ('bind', bind), ('signal', lambda: os.kill(outside, 0)), ('shut', shut),
]
worked = []
for name, deed in deeds:
    try:
        deed(); worked.append(name)
    except OSError:
        pass
print(' '.join(worked))
`;

const ALL = 'read write list run mkdir unlink move truncate symlink fifo connect bind signal';

test('every denial that a policy can allow is explained, allowed and gone', live, async (t) => {
  const directory = temporaryDirectory(t, 'fixed');
  const zone = join(directory, 'zone');
  for (const name of ['dir', 'from', 'to']) mkdirSync(join(zone, name), { recursive: true });
  for (const name of ['file', 'shut', 'from/x']) writeFileSync(join(zone, name), 'content\n');
  copyFileSync('/usr/bin/true', join(zone, 'helper'));
  const project = join(directory, 'project');
  mkdirSync(project);
  const script = join(project, 'deeds.py');
  writeFileSync(script, PROGRAM);
  const policy = join(directory, 'policy.toml');
  const before = `# what the deeds may do
extends = ["@python"]

[fs]
read = ["${project}"] # the script
deny = [{ path = "${zone}/shut", because = "it stays shut" }]

[net]
connect = [] # nobody

[env]
pass = ["*"]
`;
  writeFileSync(policy, before);
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const own = 20_000 + (process.pid % 20_000);
  const words = ['/usr/bin/python3', script, zone, String(port), String(own), String(process.pid)];
  const tmp = join(directory, 'tmp');
  mkdirSync(tmp);
  const env = { ...process.env, TMPDIR: tmp, XDG_STATE_HOME: join(directory, 'state') };

  const isShut = ({ object }: DenialEvent) => object.kind === 'path' && object.path === join(zone, 'shut');

  /** Once a rule is cut out of what the kernel grants, it is the supervisor that denies and tells. */
  function told(): readonly SourceItem[] {
    const [newest] = listRuns(join(directory, 'state/landward'));
    return newest === undefined ? [] : [...readDenials(newest)];
  }

  async function run(): Promise<{
    readonly result: ChildResult;
    readonly explanations: readonly Explanation[];
  }> {
    let result: ChildResult | undefined;
    const ours = (event: DenialEvent) => event.process?.commandLine?.includes(zone) === true;
    const items = await whileReading(
      async () => {
        // What a run could make and not remove would stop the next.
        for (const name of ['new', 't', 'l', 'f']) rmSync(join(zone, name), { recursive: true, force: true });
        const landward = [join(root, 'test/kit/landward.ts'), 'run', '-p', policy, '--', ...words];
        result = await runChild(process.execPath, landward, { cwd: project, env });
        assert.equal(result.code, 0, result.stderr);
      },
      (all) => [...all, ...told()].some((item) => item.kind === 'denial' && isShut(item.event)),
    );
    const groups = new DenialGroups();
    for (const item of told()) if (item.kind === 'denial') groups.add(item.event);
    for (const item of items) if (item.kind === 'denial' && ours(item.event)) groups.add(item.event);
    const layers = await layersOfPolicies([policy], project, env);
    return { result: result!, explanations: groups.explain(() => layers, suggestionHost()) };
  }

  const first = await run();
  assert.equal(first.result.stdout.trim(), '', 'nothing works at first');
  assert.ok(
    first.explanations.length >= 11,
    first.explanations.map((one) => explanationLines(one)[0]).join('\n'),
  );
  for (const explanation of first.explanations) {
    const lines = explanationLines(explanation).join('\n');
    const shut = isShut(explanation.event);
    assert.equal(explanation.reason, shut ? 'rule-denies' : 'not-granted', lines);
    if (shut) {
      assert.equal(explanation.layers[0]?.rule?.line, 6, 'the line of the policy that says no');
      assert.match(lines, /because "it stays shut"/);
    } else assert.ok(explanation.suggestions[0]?.suffices, lines);
  }

  let last = first;
  const worked: number[] = [0];
  for (let round = 0; round < 4 && last.result.stdout.trim() !== ALL; round++) {
    const { edits, withheld } = await proposeEdits({
      explanations: last.explanations,
      numbers: [],
      consents: ['any'],
      cwd: project,
    });
    assert.ok(
      withheld.every(({ kind }) => kind === 'remove'),
      JSON.stringify(withheld),
    );
    assert.ok(
      edits.length === 1,
      [
        last.result.stdout,
        last.result.stderr,
        ...last.explanations.flatMap(explanationLines),
        readFileSync(policy, 'utf8'),
      ].join('\n'),
    );
    applyEdit(edits[0]!);
    last = await run();
    worked.push(last.result.stdout.trim().split(' ').length);
  }
  assert.equal(
    last.result.stdout.trim(),
    ALL,
    `${worked.join(', ')} deeds worked\n${readFileSync(policy, 'utf8')}`,
  );
  assert.deepEqual(
    last.explanations.map(({ reason: why }) => why),
    ['rule-denies'],
    'only what the policy denies on purpose is left',
  );
  const after = readFileSync(policy, 'utf8');
  for (const line of before.split('\n').filter((text) => text.includes('#')))
    assert.ok(after.includes(line.slice(line.indexOf('#'))), `the comment of '${line}' is there`);
});
