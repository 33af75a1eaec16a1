import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { compile, type Plan, spawn } from '../../packages/landward/src/index.ts';
import { runLandward } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { makeWorld, type PolicyChange, policyText, type World } from './world.ts';

/**
 * Starts a program that waits inside its domain, replaces the project by a link to the secret's directory, and lets the
 * program open the secret by the path that was granted.
 */
async function replaceWhileRunning(
  change: (world: World) => PolicyChange,
): Promise<{ stdout: string; token: string }> {
  const world = makeWorld();
  try {
    const file = join(world.top, 'policy.toml');
    writeFileSync(file, policyText(world, change(world)));
    const ready = join(world.project, 'ready');
    const go = join(world.tools, 'go');
    const running = runLandward(
      [
        'run',
        '-p',
        file,
        '--',
        world.probe,
        'symlink',
        'x',
        ready,
        'then',
        'wait-read',
        go,
        join(world.project, 'secret'),
      ],
      { cwd: world.project },
    );
    let ended = false;
    void running.then(() => {
      ended = true;
    });
    // The probe makes a link that leads nowhere: existence is asked of the link itself.
    while (lstatSync(ready, { throwIfNoEntry: false }) === undefined && !ended) await pause(5);
    renameSync(world.project, join(world.top, 'moved'));
    symlinkSync(world.outside, world.project);
    writeFileSync(go, '');
    const { stdout } = await running;
    return { stdout, token: world.token };
  } finally {
    world.remove();
  }
}

test('19 the project replaced by a link to the secret: held', needs({ abi: 6 }), async () => {
  const { stdout, token } = await replaceWhileRunning(() => ({}));
  assert.match(stdout, /^DONE made\nERRNO 13 open/);
  assert.equal(stdout.includes(token), false);
});

test('19 the project replaced: succeeds where the secret is granted', needs({ abi: 6 }), async () => {
  const { stdout, token } = await replaceWhileRunning(({ outside }) => ({ read: [outside] }));
  assert.ok(stdout.includes(token), stdout);
});

/** Compiles a plan, replaces a granted directory by a link to the secret's, and starts a program that opens the secret. */
async function replaceBeforeStart(weaken: (plan: Plan) => Plan): Promise<{ outcome: string; token: string }> {
  const world = makeWorld();
  try {
    const data = join(world.library, 'data');
    mkdirSync(data);
    const system = { path: ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache'], optional: true };
    const plan = await compile({ fs: { read: [system, data], exec: [system, world.tools] } });
    renameSync(data, `${data}.old`);
    symlinkSync(world.outside, data);
    const run = spawn(world.probe, ['read', join(data, 'secret')], { plan: weaken(plan) });
    const outcome = await run.then(
      ({ stdout }) => String(stdout),
      (error) => String(error.code),
    );
    return { outcome, token: world.token };
  } finally {
    world.remove();
  }
}

test('2 a granted path replaced between compiling and starting: not started', needs({ abi: 6 }), async () => {
  const { outcome } = await replaceBeforeStart((plan) => plan);
  assert.equal(outcome, 'PATH_CHANGED');
});

test(
  '2 a granted path replaced: succeeds when whatever is there now is taken for what was meant',
  needs({ abi: 6 }),
  async () => {
    const { outcome, token } = await replaceBeforeStart((plan) => ({
      ...plan,
      ruleset: {
        ...plan.ruleset!,
        paths: plan.ruleset!.paths.map((rule) => {
          const { dev, ino } = statSync(rule.path, { bigint: true });
          return { ...rule, identity: { dev, ino } };
        }),
      },
    }));
    assert.ok(outcome.includes(token), outcome);
  },
);

/** A first program plants a link at a name that the policy grants; a second one, started anew, reads through it. */
async function plantLink(change: (world: World) => PolicyChange): Promise<{ second: string; token: string }> {
  const world = makeWorld();
  try {
    const file = join(world.top, 'policy.toml');
    const data = join(world.project, 'data');
    writeFileSync(file, policyText(world, change(world)));
    const start = (...words: string[]) =>
      runLandward(['run', '-p', file, '--', world.probe, ...words], { cwd: world.project });
    const first = await start('symlink', world.outside, data);
    assert.match(first.stdout, /^DONE made/);
    const { stdout, stderr } = await start('read', join(data, 'secret'));
    return { second: stdout + stderr, token: world.token };
  } finally {
    world.remove();
  }
}

test(
  '2 a link planted inside at a name that is granted: grants nothing later',
  needs({ abi: 6 }),
  async () => {
    const { second } = await plantLink(({ project }) => ({ read: [join(project, 'data')] }));
    assert.match(second, /^ERRNO 13 open/);
  },
);

test(
  '2 a link planted inside: succeeds where the policy names what it leads to',
  needs({ abi: 6 }),
  async () => {
    const { second, token } = await plantLink(({ outside }) => ({ read: [outside] }));
    assert.ok(second.includes(token), second);
  },
);

/** A compiled launcher is run twice: its first program replaces a granted directory by a link, its second reads through it. */
async function plantForLauncher(follow: boolean): Promise<{ second: string; token: string }> {
  const world = makeWorld();
  try {
    const file = join(world.top, 'policy.toml');
    const data = join(world.project, 'data');
    mkdirSync(data);
    const project = JSON.stringify(world.project);
    writeFileSync(
      file,
      policyText(world, {
        ownProject: false,
        read: follow ? [world.outside] : [data],
        fs: `create = [${project}]\ndelete = [${project}]`,
      }),
    );
    const launch = join(world.top, 'launch');
    const compiled = await runLandward(['compile', '-p', file, '-o', launch]);
    assert.equal(compiled.code, 0, compiled.stderr);
    const start = (...words: string[]) => spawnSync(launch, words, { encoding: 'utf8' });
    const first = start('/bin/sh', '-c', 'rmdir "$0" && ln -s "$1" "$0"', data, world.outside);
    assert.equal(first.status, 0, first.stderr);
    const { stdout, stderr } = start(world.probe, 'read', join(data, 'secret'));
    return { second: stdout + stderr, token: world.token };
  } finally {
    world.remove();
  }
}

test(
  '2 a link planted for the next run of a compiled launcher: not followed',
  needs({ abi: 6 }),
  async () => {
    const { second } = await plantForLauncher(false);
    assert.match(second, /openat2: errno 40/);
  },
);

test(
  '2 a link planted for a compiled launcher: succeeds where the policy names the place',
  needs({ abi: 6 }),
  async () => {
    const { second, token } = await plantForLauncher(true);
    assert.ok(second.includes(token), second);
  },
);
