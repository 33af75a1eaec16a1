/**
 * A root that a matrix machine carries with it, for kernels whose modules Debian no longer keeps: without modules a
 * machine can't reach the host's files. Holds Node, a few programs with their libraries, and the tree.
 *
 * Has no compiler: tests that need one are skipped there.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ArchiveFile, data, directory, program } from './matrix-initramfs.ts';

const PROGRAMS = [
  'bash',
  'sh',
  'cat',
  'cp',
  'echo',
  'env',
  'false',
  'gzip',
  'id',
  'kill',
  'ls',
  'mkdir',
  'printf',
  'ps',
  'rm',
  'sleep',
  'stty',
  'sync',
  'tar',
  'test',
  'touch',
  'true',
  'uname',
  'unshare',
  'setpriv',
  'grep',
  'sed',
  'head',
  'tail',
  'wc',
];

/** Packages that only building and checking need. */
const LEFT_OUT =
  /^(\.cache|\.bin|\.package-lock\.json|@biomejs|@types|@typescript|landward|node-.*|rolldown|@rolldown|typescript)$/;

/**
 * The files of such a root, below `payload/`.
 *
 * @param root the tree's path, the same on the machine
 * @param tree where the copy of the tree is on the host
 * @param commands what the machine has to run
 * @param also further files by absolute path
 */
export function carriedRoot(
  root: string,
  tree: string,
  commands: string,
  also: readonly string[],
): ArchiveFile[] {
  const files = new Map<string, Uint8Array>();
  const add = (path: string, from = path) => files.set(path, readFileSync(from));
  const addAll = (path: string, from: string) => {
    for (const entry of readdirSync(from, { withFileTypes: true, recursive: true })) {
      if (!entry.isFile()) continue;
      const inside = join(entry.parentPath, entry.name).slice(from.length);
      add(join(path, inside), join(from, inside));
    }
  };

  const node = process.execPath;
  const programs = PROGRAMS.map((name) => `/usr/bin/${name}`).filter(existsSync);
  for (const path of programs) add(path);
  add(join(root, 'node_modules/.bin/node'), realpathSync(node));
  for (const path of [node, ...programs])
    for (const library of libraries(path)) add(library, realpathSync(library));
  for (const path of ['/etc/passwd', '/etc/group', '/etc/hostname', ...also]) add(path);
  addAll(root, tree);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!LEFT_OUT.test(name)) addAll(join(root, 'node_modules', name), join(root, 'node_modules', name));
  }
  files.set('/out/commands', Buffer.from(commands));
  return below('payload', files);
}

/** The libraries that the dynamic loader would load, and itself, at the path that it is asked for. */
function libraries(path: string): string[] {
  const listed = execFileSync('ldd', [path], { encoding: 'utf8' });
  return [...listed.matchAll(/(\/\S+) \(0x/g)].map((match) => merged(match[1]!));
}

/** A path with `/lib` and its like as the links into `/usr` that they are. */
function merged(path: string): string {
  const [, top] = path.split('/');
  return lstatSync(`/${top}`).isSymbolicLink() ? `/usr${path}` : path;
}

function below(top: string, files: ReadonlyMap<string, Uint8Array>): ArchiveFile[] {
  const folders = new Set<string>([top]);
  const parents = (path: string): void => {
    if (path === '/' || folders.has(`${top}${path}`)) return;
    parents(dirname(path));
    folders.add(`${top}${path}`);
  };
  for (const path of files.keys()) parents(dirname(path));
  const isProgram = (path: string) => /\/\.?s?bin\/|\/lib(64)?\/|\.so|landward\/[0-9a-f]{16}$/.test(path);
  return [
    ...[...folders].map(directory),
    ...[...files].map(([path, content]) =>
      isProgram(path) ? program(`${top}${path}`, content) : data(`${top}${path}`, content),
    ),
  ];
}
