/**
 * Debian packages for the tools: a private apt directory that shares the machine's mirror, proxy and keys, and adds
 * the suites asked for. Needs no root and leaves the machine's apt untouched.
 *
 * Owns finding, fetching and unpacking. Names no host: the mirror is the one that the machine is configured for.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A version of a package in one of the opened suites. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly suite: string;
  readonly architecture: string;
}

/** Suites opened in a private apt directory. */
export interface Suites {
  /** Suites that the mirror has. */
  readonly available: readonly string[];
  /** Every package whose name matches `name` wholly. */
  find(name: RegExp): readonly DebianPackage[];
  /** Fetches a package, once, and unpacks it; returns the directory with its files. */
  unpack(wanted: DebianPackage): string;
}

/** How long the lists of a suite are taken for new. */
const FRESH_HOURS = 6;

/** Where downloads are kept: outside of the tree, shared by the tools. */
export function cacheDirectory(tool: string): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), tool);
}

/**
 * Opens suites of the machine's Debian mirror.
 *
 * @param cache the directory that keeps lists, packages and unpacked files
 * @param suites names such as `trixie-backports`; those that the mirror lacks are left out of `available`
 * @param architecture a Debian architecture such as `amd64`
 * @throws when the machine has no Debian mirror configured or it cannot be reached
 */
export function openSuites(cache: string, suites: readonly string[], architecture: string): Suites {
  const base = join(cache, `apt-${architecture}`);
  for (const part of ['lists/partial', 'archives/partial', 'unpacked', 'sources']) {
    mkdirSync(join(base, part), { recursive: true });
  }
  writeFileSync(join(base, 'status'), '');
  writeFileSync(join(base, 'apt.conf'), privateConfiguration(base, architecture));
  const mirror = machineMirror();
  const apt = (...args: readonly string[]) =>
    execFileSync(args[0]!, args.slice(1), {
      encoding: 'utf8',
      env: { ...process.env, APT_CONFIG: join(base, 'apt.conf'), LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: join(base, 'archives'),
      maxBuffer: 1 << 28,
    });

  const available: string[] = [];
  for (const suite of suites) {
    const file = join(base, 'sources', `${suite}.sources`);
    const signed = mirror.keyring === '' ? '' : `Signed-By: ${mirror.keyring}\n`;
    writeFileSync(file, `Types: deb\nURIs: ${mirror.uri}\nSuites: ${suite}\nComponents: main\n${signed}`);
    const stamp = join(base, `${suite}.updated`);
    if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs < FRESH_HOURS * 3_600_000) {
      available.push(suite);
      continue;
    }
    try {
      apt(
        'apt-get',
        'update',
        '-o',
        `Dir::Etc::sourcelist=sources/${suite}.sources`,
        '-o',
        'APT::Get::List-Cleanup=0',
      );
      writeFileSync(stamp, '');
      available.push(suite);
    } catch (error) {
      rmSync(file);
      if (!/does not have a Release file|404/.test(String((error as { readonly stderr?: string }).stderr)))
        throw error;
    }
  }

  return {
    available,
    find(name) {
      const found: DebianPackage[] = [];
      const whole = new RegExp(`^(?:${name.source})$`);
      for (const suite of available) {
        const files = apt(
          'apt-get',
          'indextargets',
          '--format',
          '$(FILENAME)',
          `Codename: ${suite}`,
          'Created-By: Packages',
        );
        const listed =
          files.trim() !== ''
            ? files
            : apt(
                'apt-get',
                'indextargets',
                '--format',
                '$(FILENAME)',
                `Suite: ${suite}`,
                'Created-By: Packages',
              );
        for (const file of listed.trim().split('\n')) {
          const index = apt('/usr/lib/apt/apt-helper', 'cat-file', file);
          for (const [, packageName, rest] of index.matchAll(/^Package: (\S+)\n((?:.+\n)*)/gm)) {
            if (!whole.test(packageName!)) continue;
            const version = /^Version: (\S+)$/m.exec(rest!)![1]!;
            found.push({ name: packageName!, version, suite, architecture });
          }
        }
      }
      return found;
    },
    unpack(wanted) {
      const target = join(base, 'unpacked', `${wanted.name}_${wanted.version.replaceAll(':', '%3a')}`);
      if (existsSync(target)) return target;
      apt('apt-get', 'download', `${wanted.name}=${wanted.version}`);
      const prefix = `${wanted.name}_${wanted.version.replaceAll(':', '%3a')}_`;
      const deb = readdirSync(join(base, 'archives')).find((file) => file.startsWith(prefix));
      if (deb === undefined) throw new Error(`apt-get download left no file ${prefix}*.deb`);
      const partial = `${target}.partial`;
      rmSync(partial, { recursive: true, force: true });
      execFileSync('dpkg-deb', ['--extract', join(base, 'archives', deb), partial]);
      renameSync(partial, target);
      rmSync(join(base, 'archives', deb));
      return target;
    },
  };
}

/** Orders Debian versions, oldest first. */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  try {
    execFileSync('dpkg', ['--compare-versions', a, 'lt', b]);
    return -1;
  } catch {
    return 1;
  }
}

/** The machine's own way to the network (proxies, timeouts), without its directories, suites and hooks. */
function privateConfiguration(base: string, architecture: string): string {
  const machine = execFileSync('apt-config', ['dump'], { encoding: 'utf8' });
  const acquire = machine
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('Acquire::') && !line.startsWith('Acquire::IndexTargets') && !/^\S+ "";$/.test(line),
    );
  return [
    `Dir "${base}";`,
    `Dir::State "${base}";`,
    `Dir::State::status "${base}/status";`,
    `Dir::State::lists "${base}/lists";`,
    `Dir::Cache "${base}";`,
    `Dir::Cache::archives "${base}/archives";`,
    `Dir::Etc "${base}";`,
    `Dir::Etc::sourcelist "/dev/null";`,
    `Dir::Etc::sourceparts "${base}/sources";`,
    `Dir::Etc::parts "/dev/null";`,
    `Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";`,
    `APT::Architecture "${architecture}";`,
    `APT::Architectures "${architecture}";`,
    `APT::Sandbox::User "";`,
    `Acquire::Languages "none";`,
    ...acquire,
    '',
  ].join('\n');
}

/** The mirror that the machine takes Debian itself from, and the keyring that Debian's own package installs. */
function machineMirror(): { readonly uri: string; readonly keyring: string } {
  const lines = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Origin: Debian', 'Label: Debian', 'Created-By: Packages'],
    { encoding: 'utf8' },
  );
  const uri = lines.split('\n')[0] ?? '';
  if (uri === '') throw new Error('apt has no Debian mirror configured, or apt-get update has not run');
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return { uri, keyring: existsSync(keyring) ? keyring : '' };
}
