/**
 * The first file system of a matrix machine: a static shell, the kernel modules that it needs to reach the host's
 * files, and the first process. Written as a cpio archive, the form that Linux takes.
 *
 * Owns the archive and the order of modules. What the machine does is in `test/matrix/`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A file of the archive. */
export interface ArchiveFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;

/** Packs files and directories as a "newc" cpio archive. Parents come first. */
export function packArchive(files: readonly ArchiveFile[]): Buffer {
  const trailer: ArchiveFile = { path: 'TRAILER!!!', mode: 0, content: Buffer.alloc(0) };
  const parts = [...files, trailer].flatMap(({ path, mode, content }, i) => {
    const name = Buffer.from(`${path}\0`);
    const fields = [i + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
    const header = Buffer.from(
      `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
    );
    return [padded(Buffer.concat([header, name])), padded(content)];
  });
  return Buffer.concat(parts);
}

export const directory = (path: string): ArchiveFile => ({
  path,
  mode: S_IFDIR | 0o755,
  content: Buffer.alloc(0),
});
export const program = (path: string, content: Uint8Array): ArchiveFile => ({
  path,
  mode: S_IFREG | 0o755,
  content,
});
export const data = (path: string, content: Uint8Array): ArchiveFile => ({
  path,
  mode: S_IFREG | 0o644,
  content,
});

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/**
 * The modules with all that they depend on, each after what it depends on, unpacked.
 *
 * @param folder `/lib/modules/RELEASE` of a kernel package
 * @param wanted names; what the kernel has built in or lacks is left out
 */
export function modulesInOrder(
  folder: string,
  wanted: readonly string[],
): { readonly name: string; readonly content: Uint8Array }[] {
  const files = new Map(
    (readdirSync(join(folder, 'kernel'), { recursive: true }) as string[])
      .filter((file) => /\.ko(\.xz|\.zst)?$/.test(file))
      .map((file) => [moduleName(file), join(folder, 'kernel', file)]),
  );
  const ordered = new Map<string, Uint8Array>();
  const add = (name: string) => {
    const file = files.get(name);
    if (ordered.has(name) || file === undefined) return;
    const content = unpacked(file);
    for (const dependency of dependencies(content)) add(dependency);
    ordered.set(name, content);
  };
  for (const name of wanted) add(name);
  return [...ordered].map(([name, content]) => ({ name: `${name}.ko`, content }));
}

function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}

function unpacked(file: string): Uint8Array {
  const tool = { xz: 'xz', zst: 'zstd' }[file.split('.').at(-1)!];
  return tool === undefined ? readFileSync(file) : execFileSync(tool, ['-dc', file], { maxBuffer: 1 << 28 });
}

/** What a module says of itself: `depends=a,b`. */
function dependencies(content: Uint8Array): string[] {
  const found = /\0depends=([^\0]*)\0/.exec(Buffer.from(content).toString('latin1'));
  return found === null || found[1] === ''
    ? []
    : found[1]!.split(',').map((name) => name.replaceAll('-', '_'));
}

/** The folder of modules below an unpacked package, wherever the package keeps it. */
export function modulesFolder(packageFolder: string, release: string): string {
  const places = ['lib/modules', 'usr/lib/modules'].map((place) => join(packageFolder, place, release));
  const found = places.find((place) => existsSync(join(place, 'kernel')));
  if (found === undefined) throw new Error(`no modules of ${release} in ${packageFolder}`);
  return found;
}
