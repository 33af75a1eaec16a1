/**
 * A small web application with a classic hole: `/file?name=…` reads whatever path it is asked for. Before it takes its
 * first request it confines itself to its own pages, so that the hole leads nowhere.
 *
 *     node -C landward-source examples/web-app/app.ts [--open]
 *
 * `--open` leaves the restriction out, to show that the hole is real.
 */

import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { restrictProcess } from 'landward';

const pages = join(import.meta.dirname, 'pages');
type Handler = (query: URLSearchParams) => Promise<string>;

const routes: Readonly<Record<string, Handler>> = {
  '/': () => readFile(join(pages, 'index.html'), 'utf8'),
  '/file': (query) => readFile(join(pages, query.get('name') ?? ''), 'utf8'),
  '/fetch': async (query) => (await fetch(query.get('url') ?? '')).text(),
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://app');
  try {
    const handler = routes[url.pathname];
    const text = handler === undefined ? 'no such page\n' : await handler(url.searchParams);
    response.writeHead(handler === undefined ? 404 : 200).end(text);
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    response.writeHead(500).end(`${code ?? cause?.code ?? 'error'}\n`);
  }
}

const server = createServer((request, response) => void answer(request, response));
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address() as AddressInfo;
  if (!process.argv.includes('--open'))
    await restrictProcess({
      fs: { read: [pages, '/usr'] },
      net: { listen: [`tcp:${port}`] },
      require: { degrade: ['process.io_uring'] },
    });
  console.log(`listening on ${port}`);
});
