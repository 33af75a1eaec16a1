/** The loader on a real file system: what is given grants, what is found only narrows until it is approved. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFile,
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { approve, type LoadOptions, loadPolicy } from '../../packages/landward/src/launch/load.ts';
import { systemVariables } from '../../packages/landward/src/launch/variables.ts';
import { decideRules } from '../../packages/landward/src/model/decide-rules.ts';
import type { FsRight } from '../../packages/landward/src/uapi/landlock.ts';
import { errorsOf } from '../kit/policy-text.ts';

let root: string;
let count = 0;

before(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'landward-load-')));
});
after(async () => {
  await rm(root, { recursive: true, force: true });
});

interface Place {
  readonly home: string;
  readonly project: string;
  readonly env: Record<string, string>;
  readonly load: (options?: LoadOptions) => ReturnType<typeof loadPolicy>;
  readonly write: (name: string, text: string) => Promise<string>;
  readonly approve: (path: string) => ReturnType<typeof approve>;
}

const preset = (name: string) => (name === 'default' ? { fs: { write: ['$project'] } } : undefined);

/** A fresh home with a project in it. */
async function place(): Promise<Place> {
  const home = join(root, `home${count++}`);
  const project = join(home, 'project');
  await mkdir(join(project, 'sub'), { recursive: true });
  const env = { HOME: home, TMPDIR: root };
  return {
    home,
    project,
    env,
    load: (options = {}) => loadPolicy({ cwd: project, env, preset, ...options }),
    approve: (path) => approve(path, { cwd: project, env, preset }),
    async write(name, text) {
      const path = join(home, name);
      await mkdir(join(path, '..'), { recursive: true });
      await writeFile(path, text);
      return path;
    },
  };
}

async function verdict(
  loaded: ReturnType<typeof loadPolicy>,
  path: string,
  right: FsRight = 'fs.write_file',
) {
  const { policy } = await loaded;
  return decideRules(policy.layers, { kind: 'path', path, rights: [right] }).verdict;
}

const GRANT = '[fs]\nwrite = ["$project", "/srv"]\n';

describe('what is given', () => {
  it('grants: files, presets and definitions together', async () => {
    const { project, write, load } = await place();
    const file = await write('mine.toml', '[fs]\nread = ["$project"]');
    const loaded = load({ policies: [file, '@default', { fs: { exec: ['/usr'] } }] });
    const { policy, files, found } = await loaded;
    assert.equal(policy.layers.length, 1);
    assert.deepEqual(policy.sources, [file, '@default', 'definePolicy']);
    assert.deepEqual(files, [file]);
    assert.equal(found, undefined);
    assert.equal(await verdict(loaded, join(project, 'x'), 'fs.write_file'), 'allow');
  });

  it('is found relative to the directory, with what it extends beside it', async () => {
    const { home, project, write, load } = await place();
    await write('policies/base.toml', '[fs]\nread = ["$project/base"]');
    await write('policies/mine.json', '{"extends": ["./base.toml"]}');
    const { policy, files } = await load({ policies: ['../policies/mine.json'] });
    assert.deepEqual(
      policy.layers[0]!.rules.map((rule) => rule.kind === 'path' && rule.pattern.path),
      [join(project, 'base')],
    );
    assert.deepEqual(files, [join(home, 'policies/base.toml'), join(home, 'policies/mine.json')]);
  });

  it('must exist, be a regular file and be short', async () => {
    const { home, load, write } = await place();
    const messages = async (...policies: string[]) =>
      (await errorsOf(load({ policies }))).map(
        ({ code, message }) => `${code} ${message.replaceAll(home, '~')}`,
      );
    assert.deepEqual(await messages('nope.toml'), ["POLICY_NOT_FOUND There is no policy file 'nope.toml'"]);
    assert.deepEqual(await messages('@nope'), ["POLICY_NOT_FOUND There is no preset '@nope'"]);
    assert.deepEqual(await messages('.'), [
      "POLICY_SYNTAX A policy is a regular file, '~/project' is something else",
    ]);
    execFileSync('mkfifo', [join(home, 'pipe.toml')]);
    assert.deepEqual(await messages('../pipe.toml'), [
      "POLICY_SYNTAX A policy is a regular file, '~/pipe.toml' is something else",
    ]);
    await symlink('loop.toml', join(home, 'loop.toml'));
    assert.deepEqual(await messages('../loop.toml'), [
      "POLICY_NOT_FOUND The policy '~/loop.toml' cannot be read: ELOOP",
    ]);
    await write('big.toml', '#'.repeat((1 << 20) + 1));
    assert.deepEqual(await messages('../big.toml'), [
      "POLICY_SYNTAX A policy text may have 1048576 bytes, '~/big.toml' has 1048577",
    ]);
  });

  it('does not grant when everybody may write to it, nor when it extends such a file', async () => {
    const { write, load, home } = await place();
    const file = await write('mine.toml', GRANT);
    await chmod(file, 0o666);
    const [error] = await errorsOf(load({ policies: [file] }));
    assert.match(error!.message, /cannot grant: everybody may write to it/);
    const outer = await write('outer.toml', `extends = ["${file}"]`);
    const [inner] = await errorsOf(load({ policies: [outer] }));
    assert.match(inner!.message, /cannot grant: everybody may write to it/);
    assert.deepEqual([inner!.at?.file, inner!.at?.line], [join(home, 'outer.toml'), 1]);
  });

  it('does not grant when it belongs to somebody else', {
    skip: process.getuid?.() === 0 ? false : 'needs root, to give a file away',
  }, async () => {
    const { write, load } = await place();
    const file = await write('mine.toml', GRANT);
    await chown(file, 12345, 12345);
    assert.match(
      (await errorsOf(load({ policies: [file] })))[0]!.message,
      /cannot grant: it belongs to user 12345/,
    );
  });
});

describe('what is found', () => {
  it('only narrows, and cannot move the project of the grant', async () => {
    const { home, project, write, load } = await place();
    const file = await write('landward.toml', '[fs]\nwrite = ["$project/project/sub", "/srv"]');
    const loaded = load();
    const { policy, found, files } = await loaded;
    assert.deepEqual(
      policy.layers.map(({ kind, name }) => [kind, name]),
      [
        ['grant', '@default'],
        ['limit', file],
      ],
    );
    assert.deepEqual([found?.path, found?.state], [file, 'not approved']);
    assert.deepEqual(files, [file]);
    assert.equal(await verdict(loaded, join(project, 'sub/x')), 'allow');
    assert.equal(await verdict(loaded, join(project, 'x')), 'deny');
    assert.equal(await verdict(loaded, join(home, 'x')), 'deny');
    assert.equal(await verdict(loaded, '/srv/x'), 'deny');
  });

  it('is looked for up to the root of the repository, and not past it', async () => {
    const { project, write, load } = await place();
    await write('landward.toml', GRANT);
    await mkdir(join(project, '.git'));
    assert.equal((await load({ cwd: join(project, 'sub') })).found, undefined);
    const file = await write('project/landward.jsonc', '{}');
    assert.equal((await load({ cwd: join(project, 'sub') })).found?.path, file);
  });

  it('is looked for up to the home directory, and not past it', async () => {
    const { home, project, load, env } = await place();
    await writeFile(join(root, 'landward.toml'), GRANT);
    assert.equal((await load({ cwd: project })).found, undefined);
    assert.equal((await loadPolicy({ cwd: join(home), env, preset })).found, undefined);
    await rm(join(root, 'landward.toml'));
  });

  it('is one file', async () => {
    const { write, load } = await place();
    await write('project/landward.toml', GRANT);
    await write('project/landward.json', '{}');
    assert.match((await errorsOf(load()))[0]!.message, /A project has one policy/);
  });

  it('is not looked for when not wanted', async () => {
    const { write, load } = await place();
    await write('project/landward.toml', GRANT);
    assert.equal((await load({ find: false })).found, undefined);
  });

  it('cannot name files outside its directory, nor by a symbolic link', async () => {
    const { home, project, write, load } = await place();
    await write('secret', 'token = "s3cr3t"');
    for (const name of ['../secret', join(home, 'secret'), '~/secret', 'link.toml']) {
      await write('project/landward.toml', `extends = ["${name}"]`);
      await symlink('../secret', join(project, 'link.toml')).catch(() => undefined);
      const errors = await errorsOf(load());
      assert.match(errors[0]!.message, /leads outside/);
      assert.ok(
        !JSON.stringify(errors.map((error) => ({ ...error, message: error.message }))).includes('s3cr3t'),
      );
    }
  });
});

describe('a project policy that is a link to another file', () => {
  it('is refused without showing a line of it', async () => {
    const { project, write, load } = await place();
    await symlink(await write('secret', 'token s3cr3t'), join(project, 'landward.toml'));
    const [error] = await errorsOf(load());
    assert.match(error!.message, /leads outside/);
    assert.equal(error!.source, undefined);
  });
});

describe('approving', () => {
  it('does not let a preset open home by an approved file in home either', async () => {
    const { home, env } = await place();
    await writeFile(join(home, 'landward.toml'), 'extends = ["@default"]\n', { mode: 0o644 });
    const options = { cwd: home, env, preset };
    const before = await loadPolicy(options);
    const opensHome = (policy: Awaited<ReturnType<typeof loadPolicy>>['policy']) =>
      decideRules(policy.layers, { kind: 'path', path: join(home, '.ssh/id'), rights: ['fs.read_file'] })
        .verdict;
    assert.equal(opensHome(before.policy), 'deny');
    await approve('landward.toml', options);
    const approved = await loadPolicy(options);
    assert.equal(approved.found?.state, 'approved');
    assert.equal(opensHome(approved.policy), 'deny');
    assert.ok(approved.policy.notes?.some(({ code }) => code === 'home-project'));
  });

  it('makes a project policy grant until a byte of it, or of what it extends, changes', async () => {
    const { home, project, write, load, approve: approveFile } = await place();
    const inner = await write('project/rules/inner.toml', '[fs]\nread = ["/inner"]');
    const file = await write('project/landward.toml', `extends = ["rules/inner.toml"]\n${GRANT}`);
    assert.equal(await verdict(load(), '/srv/x'), 'deny');
    const approved = await approveFile('landward.toml');
    assert.deepEqual([approved.path, approved.state], [file, 'approved']);
    const loaded = load({ cwd: join(project, 'sub') });
    assert.equal((await loaded).found?.state, 'approved');
    assert.deepEqual(
      (await loaded).policy.layers.map(({ kind }) => kind),
      ['grant'],
    );
    assert.equal(await verdict(loaded, '/srv/x'), 'allow');
    assert.equal(await verdict(loaded, join(project, 'x')), 'allow');
    await appendFile(inner, '\n# changed');
    assert.equal((await load()).found?.state, 'not approved');
    assert.equal(await verdict(load(), '/srv/x'), 'deny');
    await approveFile(file);
    assert.equal(await verdict(load(), '/srv/x'), 'allow');
    const store = await readFile(join(home, '.local/state/landward/approved'), 'utf8');
    assert.equal(store.trim().split('\n').length, 1);
    assert.equal((await stat(join(home, '.local/state/landward/approved'))).mode & 0o777, 0o600);
  });

  it('holds for one place only', async () => {
    const { write, load, approve: approveFile, home } = await place();
    await approveFile(await write('project/landward.toml', GRANT));
    await write('copy/landward.toml', GRANT);
    assert.equal((await load({ cwd: join(home, 'copy') })).found?.state, 'not approved');
  });

  it('is refused for a file that others can write, which then only narrows', async () => {
    const { write, load, approve: approveFile } = await place();
    const file = await write('project/landward.toml', GRANT);
    await approveFile(file);
    await chmod(file, 0o646);
    const { found } = await load();
    assert.deepEqual([found?.state, found?.reason], ['not trusted', 'everybody may write to it']);
    assert.equal(await verdict(load(), '/srv/x'), 'deny');
    assert.match(
      (await errorsOf(approveFile(file)))[0]!.message,
      /cannot be approved: everybody may write to it/,
    );
  });

  it('counts for nothing in a store that others can write', async () => {
    const { home, write, load, approve: approveFile } = await place();
    await approveFile(await write('project/landward.toml', GRANT));
    assert.equal((await load()).found?.state, 'approved');
    for (const path of ['.local/state/landward', '.local/state/landward/approved']) {
      const { mode } = await stat(join(home, path));
      await chmod(join(home, path), mode | 0o022);
      assert.equal((await load()).found?.state, 'not approved', path);
      await chmod(join(home, path), mode);
    }
    assert.equal((await load()).found?.state, 'approved');
  });

  it('cannot be forged by the name of a directory', async () => {
    const { home, load, approve: approveFile, write, env } = await place();
    const plain = await write('project/landward.toml', GRANT);
    const { digest } = await approveFile(plain);
    const odd = join(home, `x"\n${digest} "${join(home, 'other')}`);
    await mkdir(odd, { recursive: true });
    await writeFile(join(odd, 'landward.toml'), GRANT);
    await approve(join(odd, 'landward.toml'), { cwd: odd, env, preset });
    assert.equal((await load()).found?.state, 'approved');
    const store = await readFile(join(home, '.local/state/landward/approved'), 'utf8');
    assert.equal(store.trim().split('\n').length, 2);
  });
});

describe('variables', () => {
  it('follow symbolic links and take only absolute values', async () => {
    const { home, project } = await place();
    await symlink('project', join(home, 'link'));
    await symlink(home, join(root, `alias${count}`));
    const variables = systemVariables(join(home, 'link'), {
      HOME: join(root, `alias${count}`),
      TMPDIR: 'relative',
      XDG_CACHE_HOME: 'relative',
      XDG_CONFIG_HOME: `${home}//link/./conf`,
      XDG_RUNTIME_DIR: '/run/user/7',
    });
    assert.deepEqual(variables, {
      project,
      home,
      // The system's directory holds this home.
      tmp: join(home, '.cache/landward/tmp'),
      cache: join(home, '.cache'),
      config: join(project, 'conf'),
      runtime: '/run/user/7',
      uid: process.getuid!(),
    });
  });
});

describe('the presets of landward', () => {
  it('resolve, each alone, and know the default', async () => {
    const { load } = await place();
    const { presetNames } = await import('../../packages/landward/src/policy/presets/index.ts');
    const { presetSource } = await import('../../packages/landward/src/policy/presets/index.ts');
    for (const name of presetNames) {
      const { policy } = await load({ policies: [`@${name}`], preset: presetSource });
      assert.ok(policy.layers[0]!.rules.length > 0, name);
    }
    assert.deepEqual((await load({ preset: presetSource })).policy.sources.at(-1), '@default');
  });
});
