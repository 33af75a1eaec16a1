/** `landward policy`: the table of its own commands, each in one file. */

import { LandwardError } from '../errors.ts';
import { print } from '../launch/output.ts';
import type { Command } from './command.ts';
import { suggest } from './suggest.ts';

const usage = 'landward policy COMMAND [options]';

const COMMANDS = {
  print: {
    load: () => import('./policy-print.ts'),
    help: 'print a policy or preset, resolved; --kernel as the kernel gets it',
  },
  lint: { load: () => import('./policy-lint.ts'), help: 'say what is risky, idle or contradictory' },
  test: { load: () => import('./policy-test.ts'), help: 'run the [[test]] of a policy' },
  diff: { load: () => import('./policy-diff.ts'), help: 'say what changes from one policy to another' },
  schema: { load: () => import('./policy-schema.ts'), help: 'print the JSON Schema of policies' },
  presets: { load: () => import('./policy-presets.ts'), help: 'list the presets' },
  import: { load: () => import('./policy-import.ts'), help: 'read a policy of another format' },
  export: { load: () => import('./policy-export.ts'), help: 'write the official Landlock configuration' },
  approve: {
    load: () => import('./policy-approve.ts'),
    help: "let this project's policy grant, until it changes",
  },
} as const satisfies Record<
  string,
  { readonly load: () => Promise<{ readonly command: Command }>; readonly help: string }
>;

export const command: Command = {
  usage,
  help: `Works on policies:\n${Object.entries(COMMANDS)
    .map(([name, { help }]) => `  ${name.padEnd(9)}${help}\n`)
    .join('')}`,
  options: {},
  async run(argv) {
    const [name, ...words] = argv;
    const entry =
      name !== undefined && Object.hasOwn(COMMANDS, name)
        ? COMMANDS[name as keyof typeof COMMANDS]
        : undefined;
    if (entry === undefined) {
      const near = name === undefined ? undefined : suggest(name, Object.keys(COMMANDS));
      const message = name === undefined ? 'No command behind policy' : `Unknown command policy ${name}`;
      throw new LandwardError('USAGE', message, {
        part: name,
        fix:
          near === undefined
            ? `Use one of ${Object.keys(COMMANDS).join(', ')}`
            : `Did you mean landward policy ${near}?`,
      });
    }
    const loaded: Command = (await entry.load()).command;
    if (words.includes('--help') || words.includes('-h')) {
      const { helpPage } = await import('./command.ts');
      print(helpPage(loaded));
      return 0;
    }
    return loaded.run(words);
  },
};
