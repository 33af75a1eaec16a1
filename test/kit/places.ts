/**
 * A person's place on a machine, for tests of presets: a home with secrets, a project, a directory for temporary files,
 * and the running of commands there, confined by a policy or not at all.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { compile } from '../../packages/landward/src/launch/compile.ts';
import { spawn } from '../../packages/landward/src/launch/spawn.ts';
import type { PolicyDefinition } from '../../packages/landward/src/policy/define.ts';
import { type ChildResult, runChild } from './child.ts';
import { type Ending, temporaryDirectory } from './temporary.ts';

/** What the secrets say; a confined program must never print it. */
export const SECRET = 'landward-test-secret-5f1c';

export interface Place {
  readonly home: string;
  readonly project: string;
  readonly tmp: string;
  /** A file that no preset opens, `~/.ssh/id_ed25519`. */
  readonly secret: string;
  /** Writes files of the project, by relative name. */
  write(files: Readonly<Record<string, string>>): void;
  /** Runs a command under a policy. */
  confined(policy: PolicyDefinition, command: string, ...args: string[]): Promise<ChildResult>;
  /** Runs the same command with no policy. */
  free(command: string, ...args: string[]): Promise<ChildResult>;
}

/** Makes a place, removed after the test. Commands see the system's own programs and nothing of the caller's setup. */
export function place(t: Ending, more: NodeJS.ProcessEnv = {}): Place {
  const root = temporaryDirectory(t, 'place');
  const [home, project, tmp] = ['home', 'project', 'tmp'].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const directory of [join(home, '.ssh'), project, tmp]) mkdirSync(directory, { recursive: true });
  const secret = join(home, '.ssh/id_ed25519');
  writeFileSync(secret, `${SECRET}\n`);
  writeFileSync(join(home, '.npmrc'), `; ${SECRET}\n`);
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
    HOME: home,
    TMPDIR: tmp,
    LANG: 'C.UTF-8',
    ...more,
  };
  return {
    home,
    project,
    tmp,
    secret,
    write(files) {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(project, name)), { recursive: true });
        writeFileSync(join(project, name), text);
      }
    },
    async confined(policy, command, ...args) {
      const plan = await compile(policy, { cwd: project, env });
      const result = await spawn(command, args, {
        plan,
        cwd: project,
        env,
        reject: false,
        timeout: 90_000,
      });
      const { exitCode, signal, stdout, stderr, timedOut, startFailure } = result;
      if (startFailure !== null) throw new Error(`${command} did not start: ${JSON.stringify(startFailure)}`);
      return {
        code: exitCode,
        signal: signal as NodeJS.Signals | null,
        stdout: `${stdout}`,
        stderr: `${stderr}`,
        timedOut,
      };
    },
    free: (command, ...args) => runChild(command, args, { cwd: project, env }),
  };
}

/** A server on the loopback interface, closed after the test. */
export async function serve(
  t: Ending,
  listener: RequestListener,
): Promise<{ readonly port: number; readonly url: string }> {
  const server: Server = createServer(listener);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(
    () =>
      new Promise<void>((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}
