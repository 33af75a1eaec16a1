/**
 * A package registry on the loopback interface, with packages made from folders: what npm needs to install for real
 * while the test stays independent of any network. Serves reading only; knows nothing of accounts or publishing.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Registry {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** The paths that were asked for, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

interface Entry {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly tarball: Buffer;
}

/** Serves the package in each folder (each has a `package.json`). The caller closes it. */
export async function startRegistry(folders: readonly string[]): Promise<Registry> {
  const entries = new Map(
    folders.map((folder) => entryOf(folder)).map((entry) => [entry.manifest.name, entry]),
  );
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://registry').pathname).slice(1);
    requests.push(`/${path}`);
    const [name, file] = path.split('/-/');
    const entry = entries.get(name ?? '');
    if (entry === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    } else if (file !== undefined) {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(entry.tarball);
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(packument(entry, urlOf(server)));
    }
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: urlOf(server),
    port: (server.address() as AddressInfo).port,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

function entryOf(folder: string): Entry {
  const tar = spawnSync(
    'tar',
    ['-czf', '-', '-C', folder, '--transform', 's,^\\./,package/,', '--exclude', './node_modules', '.'],
    { maxBuffer: 1 << 26 },
  );
  if (tar.status !== 0) throw new Error(`tar failed on ${folder}: ${tar.stderr}`);
  return { manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')), tarball: tar.stdout };
}

function packument({ manifest, tarball }: Entry, url: string): string {
  const { name, version } = manifest;
  const scripts = (manifest as { scripts?: Record<string, string> }).scripts ?? {};
  const hasInstallScript = ['preinstall', 'install', 'postinstall'].some((script) => script in scripts);
  const dist = {
    tarball: `${url}/${name}/-/${name.replace(/^@[^/]*\//, '')}-${version}.tgz`,
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
  };
  return JSON.stringify({
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, hasInstallScript, dist } },
  });
}
