/** The other commands on the running system: status, why, init, policy, compile. One child runs many command lines where it can. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runChild, runLandward, runScript } from '../kit/child.ts';
import { landlockAbi, needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

const NEEDS = needs({ abi: 4 });
const main = pathToFileURL(join(root, 'packages/landward/src/cli/main.ts')).href;

interface Told {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs command lines one after the other in one process of their own. */
async function landward(
  lines: readonly (readonly string[])[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Told[]> {
  const script = `
    import { writeSync } from 'node:fs';
    import { main } from ${JSON.stringify(main)};
    for (const argv of ${JSON.stringify(lines)}) {
      const status = await main(argv);
      writeSync(1, '\\0' + status + '\\0');
      writeSync(2, '\\0');
    }
  `;
  const { stdout, stderr } = await runScript(script, [], { cwd, env });
  const out = stdout.split('\0');
  const err = stderr.split('\0');
  return lines.map((line, index) => {
    assert.notEqual(out[2 * index + 1], undefined, `${line.join(' ')}: ${stderr}`);
    return { stdout: out[2 * index]!, status: Number(out[2 * index + 1]), stderr: err[index]! };
  });
}

const POLICY = `extends = ["@base"]
[fs]
read = ["$project"]
deny = [{ path = "/etc/shadow", because = "not yours" }]
[net]
connect = ["tcp:443"]
[[test]]
allow = "connect tcp:443"
[[test]]
deny = "read ~/.ssh/id_ed25519"
`;

test('status tells the kernel’s ABI, floors end with 1, unknown floors with 125', NEEDS, async (t) => {
  const abi = landlockAbi();
  const [plain, json, met, missed, unknown] = await landward(
    [
      ['status'],
      ['status', '--json'],
      ['status', '--require', `abi=${abi}`],
      ['status', '--require', 'abi=99', '--require', 'fs.ask'],
      ['status', '--require', 'net.tpc'],
    ],
    temporaryDirectory(t),
  );
  assert.match(plain!.stdout, new RegExp(`ABI ${abi},`));
  const data = JSON.parse(json!.stdout);
  assert.deepEqual([data.abi, data.landlock, data.below], [abi, 'available', []]);
  assert.deepEqual([met!.status, missed!.status, unknown!.status], [0, 1, 125]);
  assert.match(missed!.stderr, /ABI 99 is required[\s\S]*fs\.ask is required/);
  assert.match(unknown!.stderr, /net\.tcp/);
});

test(
  'why names decision, rule with its place, layer and errno, and what the kernel does',
  NEEDS,
  async (t) => {
    const work = temporaryDirectory(t);
    writeFileSync(join(work, 'pol.toml'), POLICY);
    const lines = [
      ['why', 'pol.toml', '--', 'read', '/etc/shadow'],
      ['why', 'pol.toml', '--', 'read', join(work, 'x')],
      ['why', 'pol.toml', '--', 'connect tcp:443'],
      ['why', 'pol.toml', '--', 'connect', 'udp:53'],
      ['why', 'pol.toml', '--json', '--', 'connect', 'tcp:80'],
      ['why', 'pol.toml', '--', 'frobnicate', 'x'],
      ['why', 'pol.toml'],
      ['why', '--', 'read', 'x'],
    ];
    const [shadow, allowed, https, udp, http, unknown, none, nobody] = await landward(lines, work);
    assert.equal(shadow!.status, 1);
    assert.match(
      shadow!.stdout,
      /^deny: read \/etc\/shadow \(EACCES\)\n {2}layer 0[\s\S]*pol\.toml:4:\d+[\s\S]*"not yours"[\s\S]*kernel alone: denies by Landlock \(EACCES\)/,
    );
    assert.deepEqual([allowed!.status, https!.status], [0, 0], allowed!.stdout + https!.stdout);
    assert.match(https!.stdout, /kernel alone: allows\n/);
    assert.match(udp!.stdout, /kernel alone: denies by (the seccomp filter|Landlock)/);
    const answer = JSON.parse(http!.stdout);
    assert.deepEqual(
      [answer.decision.verdict, answer.kernel.errno, answer.kernel.against],
      ['deny', 13, 'equal'],
    );
    assert.deepEqual([unknown!.status, none!.status, nobody!.status], [125, 125, 125]);
  },
);

test('why and the running kernel agree', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'file'), 'content\n');
  mkdirSync(join(work, 'closed'));
  writeFileSync(join(work, 'closed/file'), 'content\n');
  const policy = join(work, 'pol.json');
  writeFileSync(
    policy,
    JSON.stringify({ extends: ['@shell'], fs: { exec: ['/usr'], read: [join(work, 'file')] } }),
  );
  for (const file of ['file', 'closed/file']) {
    const path = join(work, file);
    const [said] = await landward([['why', policy, '--json', '--', 'read', path]], work);
    const did = await runChild(
      process.execPath,
      [join(root, 'test/kit/landward.ts'), 'run', '-p', policy, '--', 'cat', path],
      { cwd: work },
    );
    assert.equal(JSON.parse(said!.stdout).kernel.allowed, did.stdout === 'content\n', did.stderr);
  }
});

test('init writes a policy that loads, and never over a file', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'package.json'), '{}');
  const [printed, written, again, tested] = await landward(
    [['init', '--print'], ['init'], ['init'], ['policy', 'test', 'landward.toml']],
    work,
  );
  assert.deepEqual(
    [printed!.status, written!.status, again!.status, tested!.status],
    [0, 0, 125, 0],
    tested!.stdout + tested!.stderr,
  );
  assert.equal(readFileSync(join(work, 'landward.toml'), 'utf8'), printed!.stdout);
  assert.match(again!.stderr, /landward\.toml exists/);
  assert.match(tested!.stdout, /3 passed, 0 failed/);
  const env = { ...process.env, XDG_STATE_HOME: temporaryDirectory(t), TMPDIR: work };
  for (const words of [
    ['policy', 'approve'],
    ['run', '--', 'true'],
  ]) {
    assert.ok(written!.stdout.includes(`landward ${words.slice(0, 2).join(' ')}`), 'what init advises');
    const { code, stderr } = await runLandward(words, { cwd: work, env });
    assert.equal(code, 0, stderr);
  }
});

test('policy: print, lint, test, diff, schema, presets, export, import', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'a.toml'), POLICY);
  writeFileSync(join(work, 'b.toml'), POLICY.replace('tcp:443"]', 'tcp:443", "tcp:80"]'));
  writeFileSync(join(work, 'failing.toml'), `${POLICY}[[test]]\nallow = "connect tcp:81"\n`);
  writeFileSync(
    join(work, 'config.json'),
    JSON.stringify({
      ruleset: [{ handledAccessFs: ['abi.all'] }],
      pathBeneath: [{ allowedAccess: ['abi.read_execute'], parent: ['/usr'] }],
    }),
  );
  writeFileSync(
    join(work, 'srt.json'),
    JSON.stringify({
      network: { allowedDomains: [], deniedDomains: [] },
      filesystem: { denyRead: ['~/.ssh'], allowWrite: ['.'], denyWrite: ['.env'] },
    }),
  );
  const lines = [
    ['policy', 'print', 'a.toml'],
    ['policy', 'print', '--kernel', 'a.toml'],
    ['policy', 'lint', 'a.toml'],
    ['policy', 'test', 'a.toml'],
    ['policy', 'test', 'failing.toml'],
    ['policy', 'diff', 'a.toml', 'b.toml'],
    ['policy', 'diff', 'b.toml', 'a.toml'],
    ['policy', 'schema'],
    ['policy', 'presets'],
    ['policy', 'export', 'a.toml', '--format', 'json'],
    ['policy', 'import', 'sandbox-runtime', 'srt.json', '-o', 'imported.json'],
    ['policy', 'import', 'yaml', 'srt.json'],
  ];
  const told = await landward(lines, work);
  const [
    printed,
    kernel,
    lint,
    passed,
    failed,
    wider,
    narrower,
    schema,
    presets,
    exported,
    imported,
    unknown,
  ] = told;
  assert.match(printed!.stdout, /\[net\][\s\S]*tcp:443/);
  assert.match(kernel!.stdout, /handled_access_fs/);
  assert.ok([0, 1].includes(lint!.status));
  assert.deepEqual([passed!.status, failed!.status], [0, 1]);
  assert.match(failed!.stdout, /failing\.toml:\d+:\d+: expected allow, got deny/);
  assert.deepEqual([wider!.status, narrower!.status], [1, 0]);
  assert.match(wider!.stdout, /^wider .*80/m);
  assert.equal(JSON.parse(schema!.stdout).$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.match(presets!.stdout, /^@base /m);
  assert.equal(typeof JSON.parse(exported!.stdout), 'object');
  assert.equal(imported!.status, 0, imported!.stderr);
  assert.ok(imported!.stderr.length > 0, 'differences are said');
  assert.ok(existsSync(join(work, 'imported.json')));
  assert.match(unknown!.stderr, /Unknown format yaml/);
});

test('a broken policy is told with its place, and starts nothing', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'bad.toml'), '[fs]\nraed = ["/usr"]\n');
  const [told] = await landward([['run', '-p', 'bad.toml', '--', 'touch', 'made']], work);
  assert.equal(told!.status, 125);
  assert.match(
    told!.stderr,
    /bad\.toml:2:1: .*raed[\s\S]* {2}2 \| raed = \["\/usr"\]\n {4}\| \^\n[\s\S]*read/,
  );
  assert.ok(!existsSync(join(work, 'made')));
});

test('a compiled executable holds the policy without Node and becomes the command', NEEDS, async (t) => {
  const work = temporaryDirectory(t);
  writeFileSync(join(work, 'secret'), 'secret\n');
  mkdirSync(join(work, 'open'));
  writeFileSync(join(work, 'open/file'), 'open\n');
  writeFileSync(
    join(work, 'pol.toml'),
    'extends = ["@shell"]\n[fs]\nexec = ["/usr"]\nread = ["$project/open", { path = "/nowhere", optional = true }]\nwrite = [{ path = "$project/new/deep", missing = "create" }]\n[env]\nscrub = ["DROP*"]\nset = { SET = "yes" }\n[limits]\nfiles = 64\n',
  );
  writeFileSync(join(work, 'time.toml'), 'extends = ["@shell"]\n[limits]\ntime = "5s"\n');
  const [plain, fixed, staying, missing, badArch] = await landward(
    [
      ['compile', '-p', 'pol.toml', '-o', 'plain'],
      [
        'compile',
        '-p',
        'pol.toml',
        '-o',
        'fixed',
        '--',
        'sh',
        '-c',
        'cat open/file; cat secret; echo "$0 $SET $DROPPED $LD_X"; ulimit -n; exit 6',
        'name',
      ],
      ['compile', '-p', 'time.toml', '-o', 'staying'],
      ['compile', '-o', 'x'],
      ['compile', '-p', 'pol.toml', '-o', 'x', '--arch', 'mips'],
    ],
    work,
  );
  assert.deepEqual(
    [plain!.status, fixed!.status, staying!.status, missing!.status, badArch!.status],
    [0, 0, 125, 125, 125],
    plain!.stderr + fixed!.stderr,
  );
  assert.match(staying!.stderr, /needs a process that stays/);
  assert.ok(!existsSync(join(work, 'staying')));
  assert.ok((statSync(join(work, 'plain')).mode & 0o111) !== 0);
  const env = { PATH: process.env.PATH!, DROPPED: 'no', LD_X: 'no' };
  const run = await runChild(join(work, 'fixed'), [], { cwd: work, env });
  assert.equal(run.stdout, 'open\nname yes  \n64\n', run.stderr);
  assert.match(run.stderr, /secret: Permission denied/);
  assert.equal(run.code, 6);
  const given = await runChild(
    join(work, 'plain'),
    ['sh', '-c', 'echo made > new/deep/file; cat new/deep/file; cat secret'],
    { cwd: work, env },
  );
  assert.equal(given.stdout, 'made\n', given.stderr);
  assert.equal((await runChild(join(work, 'plain'), ['no-such-command'], { cwd: work, env })).code, 127);
  chmodSync(join(work, 'open/file'), 0o600);
});
