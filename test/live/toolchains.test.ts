/**
 * `landward run` without a policy, with tool chains in home as version managers lay them out, with a command that lies
 * anywhere, and in places that are no project. The programs are copies of the shell, so that they need no download.
 */

import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { type Ending, temporaryDirectory } from '../kit/temporary.ts';

const live = needs({ abi: 6 });
const landward = join(import.meta.dirname, '../kit/landward.ts');
const SHELL = realpathSync('/bin/sh');

function homeWith(t: Ending, files: Readonly<Record<string, string>>, programs: readonly string[]) {
  const root = temporaryDirectory(t, 'toolchains');
  const home = join(root, 'home');
  const [project, tmp] = [join(home, 'work/project'), join(root, 'tmp')];
  for (const directory of [project, tmp]) mkdirSync(directory, { recursive: true });
  const put = (name: string) => {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    return join(home, name);
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(put(name), text);
    if (text.startsWith('#!')) chmodSync(join(home, name), 0o755);
  }
  for (const name of programs) {
    copyFileSync(SHELL, put(name));
    chmodSync(join(home, name), 0o755);
  }
  const run = (path: string, args: readonly string[], cwd = project) =>
    runChild(process.execPath, [landward, 'run', ...args], {
      cwd,
      env: { HOME: home, TMPDIR: tmp, PATH: `${path}:/usr/bin:/bin` },
    });
  return { home, project, run };
}

/** What is tried in every tool chain: to run, to read a secret beside it, to change the tool chain. */
function attempt(home: string, tools: string): string {
  return `echo ran; cat ${home}/.cargo/credentials.toml ${home}/.ssh/id; echo x > ${tools}/new; true`;
}

const SECRETS = { '.cargo/credentials.toml': 'SECRET', '.ssh/id': 'SECRET' };

test(
  '@default runs the tool chains of version managers, closed to changes and without their credentials',
  live,
  async (t) => {
    const shim = (root: string, tool: string) =>
      `#!/usr/bin/env sh\nexec "$HOME/${root}/libexec/${tool}" exec "$(basename "$0")" "$@"\n`;
    const manager = (root: string) =>
      `#!/bin/sh\nread -r version < "$HOME/${root}/version"\nprogram=$2; shift 2\nexec "$HOME/${root}/versions/$version/bin/$program" "$@"\n`;
    const { home, run } = homeWith(
      t,
      {
        ...SECRETS,
        '.pyenv/shims/python3': shim('.pyenv', 'pyenv'),
        '.pyenv/libexec/pyenv': manager('.pyenv'),
        '.pyenv/version': '3.14.0\n',
        '.nodenv/shims/node': shim('.nodenv', 'nodenv'),
        '.nodenv/libexec/nodenv': manager('.nodenv'),
        '.nodenv/version': '26.0.0\n',
      },
      [
        '.pyenv/versions/3.14.0/bin/python3',
        '.nodenv/versions/26.0.0/bin/node',
        '.nvm/versions/node/v26.0.0/bin/node',
        '.volta/bin/node',
        '.asdf/installs/nodejs/26.0.0/bin/node',
        '.local/share/mise/installs/node/26/bin/node',
        '.local/share/fnm/node-versions/v26.0.0/installation/bin/node',
        '.local/share/uv/python/cpython-3.14/bin/python3',
        '.rustup/toolchains/stable/bin/rustc',
        '.cargo/bin/rustc',
        'go/bin/gopls',
        '.bun/bin/bun',
        '.deno/bin/deno',
        '.local/share/pnpm/bin/pnpm',
        '.local/bin/tool',
        'miniconda3/bin/python3',
      ],
    );
    const programs = [
      '.pyenv/shims/python3',
      '.nodenv/shims/node',
      '.nvm/versions/node/v26.0.0/bin/node',
      '.volta/bin/node',
      '.asdf/installs/nodejs/26.0.0/bin/node',
      '.local/share/mise/installs/node/26/bin/node',
      '.local/share/fnm/node-versions/v26.0.0/installation/bin/node',
      '.local/share/uv/python/cpython-3.14/bin/python3',
      '.cargo/bin/rustc',
      'go/bin/gopls',
      '.bun/bin/bun',
      '.deno/bin/deno',
      '.local/share/pnpm/bin/pnpm',
      '.local/bin/tool',
      'miniconda3/bin/python3',
    ];
    // Started by another program, so that it is the tool chain that is open and not the command.
    const script = programs
      .map((program) => `${home}/${program} -c '${attempt(home, dirname(join(home, program)))}'`)
      .join('\n');
    const { code, stdout, stderr } = await run('/nowhere', ['--', 'sh', '-c', script]);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'ran\n'.repeat(programs.length), stderr);
    for (const program of programs) assert.ok(!existsSync(join(home, dirname(program), 'new')), program);
  },
);

test(
  'without a policy the file of the command is open wherever it lies, alone, and the report says so',
  live,
  async (t) => {
    const { home, run } = homeWith(t, { ...SECRETS, 'odd/beside': 'BESIDE' }, ['odd/real/tool', 'odd/other']);
    symlinkSync(join(home, 'odd/real/tool'), join(home, 'odd/tool'));
    const script = `${attempt(home, `${home}/odd`)}; cat ${home}/odd/beside; ${home}/odd/other -c 'echo OTHER'; true`;
    const named = await run(join(home, 'odd'), ['--report', '--', 'tool', '-c', script]);
    assert.equal(named.code, 0, named.stderr);
    assert.equal(named.stdout, 'ran\n');
    assert.match(
      named.stderr,
      new RegExp(`'${home}/odd/real/tool' can be run and read, because it is the command`),
    );
    const system = await run(join(home, 'odd'), ['--report', '--', 'sh', '-c', 'true']);
    assert.ok(!system.stderr.includes('because it is the command'));
    const given = await run(join(home, 'odd'), ['-p', '@default', '--', 'tool', '-c', 'echo ran']);
    assert.equal(given.code, 126, 'a policy that is given opens what it says');
  },
);

test(
  'home, and what holds it, is no project: it stays closed, landward says so, and the rest runs',
  live,
  async (t) => {
    const { home, project, run } = homeWith(t, { ...SECRETS, notes: 'SECRET' }, []);
    const script = `echo ran; cat ${home}/notes ${home}/.ssh/id; echo x > ${home}/new; mktemp > /dev/null && echo temporary`;
    for (const cwd of [home, dirname(home), '/']) {
      const { stdout, stderr, code } = await run('/nowhere', ['--', 'sh', '-c', script], cwd);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, 'ran\ntemporary\n', cwd);
      assert.match(stderr, new RegExp(`^landward: @default does not open '${cwd}', which`, 'm'));
      assert.ok(!existsSync(join(home, 'new')));
    }
    const opened = await run('/nowhere', ['--read', 'notes', '--', 'cat', 'notes', '.ssh/id'], home);
    assert.equal(opened.stdout, 'SECRET', 'what is named opens, and nothing more');
    assert.equal(opened.code, 1);
    const inside = await run('/nowhere', ['--', 'sh', '-c', 'echo x > made && cat made'], project);
    assert.equal(inside.stdout, 'x\n');
    assert.equal(inside.stderr, '');
  },
);
