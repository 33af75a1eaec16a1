/** `landward policy import`: a policy of another format as landward's, with everything that differs said. */

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LandwardError } from '../errors.ts';
import { escapeText } from '../launch/escape.ts';
import { print, printError } from '../launch/output.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward policy import FORMAT FILE [-o FILE]';

const options = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    help: 'write there (.json or .toml, and FILE-limit-N beside it), never over a file',
  },
} as const;

/** One text to write: the policy itself, or a limit that goes with it. */
interface Text {
  readonly limit: number;
  readonly text: string;
}

export const command: Command = {
  usage,
  help: `FORMAT is sandbox-runtime (JSON settings of that tool) or landlock (the official configuration, TOML or JSON).
What has no counterpart is said on standard error.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    const [format, file] = operands;
    if (rest !== undefined || format === undefined || file === undefined || operands.length > 2)
      usageError('import reads one file of a format', usage);
    const { texts, differences } = await convert(format, file, read(file));
    for (const difference of differences) printError(`landward: ${escapeText(difference)}\n`);
    const { output } = values;
    if (output === undefined && texts.length > 1)
      usageError('These settings become several policies, which need a file each', usage);
    for (const { limit, text } of texts) {
      if (output === undefined) print(text);
      else write(limit === 0 ? output : output.replace(/(\.[^./]*)?$/, `-limit-${limit}$1`), text);
    }
    return 0;
  },
};

async function convert(
  format: string,
  file: string,
  bytes: Uint8Array,
): Promise<{ texts: Text[]; differences: readonly string[] }> {
  if (format === 'sandbox-runtime') {
    const { importSrt } = await import('../policy/import-srt.ts');
    const { grant, limits, differences } = await importSrt(file, bytes);
    const definitions = [grant, ...limits.map((limit) => ({ ...limit, layer: 'limit' as const }))];
    return {
      texts: definitions.map((one, limit) => ({ limit, text: `${JSON.stringify(one, null, 2)}\n` })),
      differences,
    };
  }
  if (format !== 'landlock')
    return usageError(`Unknown format ${format}: sandbox-runtime or landlock`, usage, format);
  const [{ readLandlockConfig }, { policyOfConfig }, { printPolicy }] = await Promise.all([
    import('../policy/landlock-config/read.ts'),
    import('../policy/landlock-config/convert.ts'),
    import('../policy/print.ts'),
  ]);
  const policy = policyOfConfig(await readLandlockConfig(file, bytes), file, dirname(resolve(file)));
  return {
    texts: printPolicy(policy).map(({ toml }, limit) => ({ limit, text: toml })),
    differences: (policy.notes ?? []).map(({ text }) => text),
  };
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new LandwardError(
      'POLICY_NOT_FOUND',
      `Cannot read ${JSON.stringify(file)}: ${(cause as Error).message}`,
      { part: file, cause },
    );
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 });
    print(`wrote ${escapeText(path)}\n`);
  } catch (cause) {
    throw new LandwardError('USAGE', `Cannot write ${JSON.stringify(path)}: ${(cause as Error).message}`, {
      part: path,
      cause,
    });
  }
}
