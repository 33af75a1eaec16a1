/**
 * The variables of a plan: the policy's own, and those that would let a caller's environment run code inside.
 *
 * Owns the list of loader variables. A name in `pass` lets one through, a glob or "everything" does not, and neither
 * does a caller's environment.
 */

import { envMatches } from './env-glob.ts';
import type { EnvPlan } from './plan.ts';

/**
 * Variables by which another program, library or option gets into a process before its own first line. A trailing `*`
 * stands for any rest of a name.
 */
export const LOADER_VARIABLES = [
  'LD_*',
  'GLIBC_TUNABLES',
  'GCONV_PATH',
  'LOCPATH',
  'NLSPATH',
  'MALLOC_TRACE',
  'NODE_OPTIONS',
  'NODE_PATH',
  'NODE_REPL_EXTERNAL_MODULE',
  'PYTHONSTARTUP',
  'PYTHONPATH',
  'PYTHONHOME',
  'PYTHONINSPECT',
  'PYTHONBREAKPOINT',
  'PYTHONUSERBASE',
  'PERL5OPT',
  'PERL5LIB',
  'PERLLIB',
  'PERL5DB',
  'BASH_ENV',
  'BASH_FUNC_*',
  'ENV',
  'ZDOTDIR',
  'PROMPT_COMMAND',
  'SHELLOPTS',
  'BASHOPTS',
  'RUBYOPT',
  'RUBYLIB',
  'GEM_HOME',
  'GEM_PATH',
  'JAVA_TOOL_OPTIONS',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'CLASSPATH',
  'LUA_INIT*',
  'LUA_PATH*',
  'LUA_CPATH*',
  'PHPRC',
  'PHP_INI_SCAN_DIR',
  'GIT_SSH',
  'GIT_SSH_COMMAND',
  'GIT_EXEC_PATH',
  'GIT_TEMPLATE_DIR',
  'GIT_EXTERNAL_DIFF',
  'GIT_PROXY_COMMAND',
  'GIT_CONFIG',
  'GIT_CONFIG_*',
  'GIT_ASKPASS',
  'SSH_ASKPASS',
  'OPENSSL_CONF',
  'OPENSSL_ENGINES',
  'OPENSSL_MODULES',
  'GTK_MODULES',
  'GIO_EXTRA_MODULES',
  'QT_PLUGIN_PATH',
  'QML2_IMPORT_PATH',
] as const;

/** What a glob of the list is known to stand for, where a policy passes one of these names. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'LD_*': [
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'LD_AUDIT',
    'LD_DEBUG',
    'LD_DEBUG_OUTPUT',
    'LD_PROFILE',
    'LD_PROFILE_OUTPUT',
    'LD_ORIGIN_PATH',
    'LD_DYNAMIC_WEAK',
    'LD_HWCAP_MASK',
    'LD_SHOW_AUXV',
    'LD_USE_LOAD_BIAS',
    'LD_TRACE_LOADED_OBJECTS',
    'LD_PREFER_MAP_32BIT_EXEC',
    'LD_BIND_NOW',
    'LD_BIND_NOT',
  ],
  'GIT_CONFIG_*': [
    'GIT_CONFIG_GLOBAL',
    'GIT_CONFIG_SYSTEM',
    'GIT_CONFIG_NOSYSTEM',
    'GIT_CONFIG_COUNT',
    'GIT_CONFIG_PARAMETERS',
    'GIT_CONFIG_KEY_*',
    'GIT_CONFIG_VALUE_*',
  ],
};

/**
 * Completes the variables of a policy: loader variables are scrubbed unless `pass` names them one by one.
 *
 * @returns a plan that needs no further knowledge: keep what `pass` matches, drop what `scrub` matches, then `set`
 * @example
 * compileEnv({ pass: null, scrub: [], set: {} }).scrub.includes('LD_*'); // true
 */
export function compileEnv(env: EnvPlan): EnvPlan {
  const named = (env.pass ?? []).filter((name) => !name.includes('*'));
  const scrub = new Set(env.scrub);
  for (const pattern of LOADER_VARIABLES) {
    const passed = named.some((name) => envMatches(pattern, name));
    for (const each of passed ? (KNOWN[pattern] ?? []) : [pattern]) {
      if (!named.some((name) => envMatches(each, name))) scrub.add(each);
    }
  }
  return { pass: env.pass, scrub: [...scrub], set: env.set };
}

/** Whether a variable steers a loader or an interpreter. */
export function isLoaderVariable(name: string): boolean {
  return LOADER_VARIABLES.some((pattern) => envMatches(pattern, name));
}
