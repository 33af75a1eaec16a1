/**
 * Attacks by what surrounds the start: variables that loaders obey. A table; how a case is run and
 * what it must prove is in `case.ts`.
 */

import assert from 'node:assert/strict';
import type { Attack } from './case.ts';

/** Variables by which a program can be made to load code, each with a value that harms nothing. */
const LOADERS: Readonly<Record<string, string>> = {
  LD_PRELOAD: '/usr/lib/none.so',
  LD_AUDIT: '/usr/lib/none.so',
  GCONV_PATH: '/usr/lib/none',
  NODE_PATH: '/usr/lib/none',
  PYTHONSTARTUP: '/usr/lib/none.py',
  PERL5OPT: '-w',
  BASH_ENV: '/usr/lib/none.sh',
  RUBYOPT: '-w',
  JAVA_TOOL_OPTIONS: '-ea',
  GIT_SSH_COMMAND: 'none',
};

export const environmentAttacks: readonly Attack[] = [
  ...Object.entries(LOADERS).map(
    ([name, value]): Attack => ({
      id: 64,
      name: `the variable ${name}`,
      surround: () => ({ options: { env: { ...process.env, [name]: value } } }),
      action: () => ['variable', name],
      without: 'the dropping of loader variables',
      off: () => ({ sections: { env: `pass = ["PATH", ${JSON.stringify(name)}]` } }),
      held: (result) =>
        assert.match(result.stdout, new RegExp(`^DONE ${name}=\\(unset\\)$`, 'm'), JSON.stringify(result)),
      succeeded: (result) =>
        assert.ok(result.stdout.includes(`DONE ${name}=${value}`), JSON.stringify(result)),
    }),
  ),
];
