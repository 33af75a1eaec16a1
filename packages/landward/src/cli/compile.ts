/** `landward compile`: a policy as a small static executable that becomes a command, without Node. */

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { LandwardError } from '../errors.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward compile -p POLICY... -o FILE [--arch ARCH] [-- command [arguments...]]';

const options = {
  policy: {
    type: 'string',
    short: 'p',
    multiple: true,
    value: 'FILE',
    help: 'a policy file or @preset (several compose)',
  },
  output: { type: 'string', short: 'o', value: 'FILE', help: 'the executable to write' },
  arch: { type: 'string', value: 'ARCH', help: 'x86_64 or aarch64; this machine when absent' },
  degrade: {
    type: 'string',
    multiple: true,
    value: 'GAP',
    help: 'accept by name what this host cannot hold',
  },
} as const;

export const command: Command = {
  usage,
  help: `Writes an executable that holds the policy and becomes the command, or its own first argument where none is given
here. Rights and system calls are those of this kernel's ABI; paths are opened when it runs.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length > 0) usageError('The command stands behind --', usage, operands[0]);
    if (values.output === undefined) usageError('No file to write', usage);
    if (values.policy === undefined) usageError('No policy to compile', usage);
    const { arch } = values;
    if (arch !== undefined && arch !== 'x86_64' && arch !== 'aarch64')
      usageError(`Unknown architecture ${arch}: x86_64 or aarch64`, usage, arch);
    const [{ loadForRun }, { compileFile }, { findCommand }] = await Promise.all([
      import('../launch/run-policy.ts'),
      import('../launch/compile-file.ts'),
      import('../launch/command.ts'),
    ]);
    const { plan } = await loadForRun(
      { policy: values.policy, degrade: values.degrade ?? [] },
      { alone: true, ...(arch === undefined ? {} : { arch }) },
    );
    const name = rest?.[0];
    const bytes =
      name === undefined
        ? compileFile(plan)
        : compileFile(plan, { file: findCommand(name, process.env.PATH, process.cwd()), argv: rest! });
    write(values.output, bytes);
    return 0;
  },
};

/** Puts the file in place whole: somebody may be running the old one. */
function write(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, bytes, { mode: 0o755, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new LandwardError('USAGE', `Cannot write ${JSON.stringify(path)}: ${(error as Error).message}`, {
      part: path,
      fix: 'Name a file in a directory that you can write to',
      cause: error,
    });
  }
}
