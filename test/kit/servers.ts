/**
 * Real servers that receive what a fleet sends, each in a fresh directory on a free port of the loopback interface, and
 * ended by the caller. Knows how to start them and when they answer; nothing about what they are sent.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { findTool } from './needs.ts';

export interface RunningServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Asks again and again until there is an answer. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await ask().catch(() => undefined);
    if (found !== undefined) return found;
    await new Promise((resume) => setTimeout(resume, 100));
  }
  throw new Error(`${what} did not come within a minute`);
}

/** Debian's Prometheus, scraping `target` every second. */
export async function startPrometheus(folder: string, target: string): Promise<RunningServer> {
  const port = await freePort();
  const { host } = new URL(target);
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: landward, static_configs: [{ targets: ["${host}"] }] }]\n`,
  );
  const url = `http://127.0.0.1:${port}`;
  return start(
    folder,
    findTool('prometheus')!,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'tsdb')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    url,
    `${url}/-/ready`,
  );
}

/** Debian's ClickHouse, with a user `landward` whose password is `secret`. */
export async function startClickHouse(folder: string): Promise<RunningServer> {
  const [http, tcp] = [await freePort(), await freePort()];
  for (const name of ['data', 'tmp', 'files']) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, 'config.xml'),
    `<yandex><logger><level>warning</level><console>1</console></logger>
<http_port>${http}</http_port><tcp_port>${tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>${folder}/data/</path><tmp_path>${folder}/tmp/</tmp_path><user_files_path>${folder}/files/</user_files_path>
<users_config>users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><mark_cache_size>5368709</mark_cache_size></yandex>`,
  );
  writeFileSync(
    join(folder, 'users.xml'),
    `<yandex><profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
<users><landward><password>secret</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></landward></users><quotas><default></default></quotas></yandex>`,
  );
  const url = `http://127.0.0.1:${http}`;
  const command = [`--config-file=${join(folder, 'config.xml')}`];
  return start(folder, findTool('clickhouse-server')!, command, url, `${url}/ping`);
}

async function start(
  folder: string,
  program: string,
  args: readonly string[],
  url: string,
  ping: string,
): Promise<RunningServer> {
  const log = openSync(join(folder, 'log'), 'a');
  const child: ChildProcess = spawn(program, args, { cwd: folder, stdio: ['ignore', log, log] });
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  try {
    await until(program, async () => {
      if (isOver) throw new Error(readFileSync(join(folder, 'log'), 'utf8'));
      return (await fetch(ping)).ok ? true : undefined;
    });
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${program}: ${(error as Error).message}\n${readFileSync(join(folder, 'log'), 'utf8')}`);
  }
  return {
    url,
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A request that a recording server got. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The body, unpacked where it was compressed. */
  readonly body: Buffer;
  /** All bytes of the request as text, header lines included: what a canary is searched in. */
  readonly text: string;
}

/** A server that keeps what it gets and answers with `status`. */
export async function startRecorder(
  status: (request: Recorded) => number = () => 200,
): Promise<RunningServer & { readonly requests: Recorded[] }> {
  const requests: Recorded[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const raw = Buffer.concat(parts);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const recorded = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body,
        text: `${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n${body.toString('latin1')}`,
      };
      requests.push(recorded);
      response.writeHead(status(recorded)).end();
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
