/**
 * The thread of the name server: keeps it running, reads the machine's files now and then, and asks for the names of the
 * policy before anybody else does.
 *
 * Owns no decision. It is not restricted: it only ever asks name servers, for names that rules allow.
 */

import { readFileSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { parseAddress } from '../../model/addresses.ts';
import { decideIndexed, indexRules } from '../../model/decide-rules.ts';
import { believesAnswer, decideName } from '../../model/rules/names.ts';
import type { RuleLayer } from '../../model/rules.ts';
import { type Answering, answer, tellGiven } from './answer.ts';
import { hostsOf, resolversOf } from './files.ts';
import { type Query, readAnswer, readQuery } from './message.ts';
import { openServer } from './server.ts';
import type { NameNews } from './table.ts';
import { askUpstream } from './upstream.ts';

/** What the thread is made with. */
export interface NameSetup {
  readonly layers: readonly RuleLayer[];
  readonly names: readonly string[];
  /** Whether nothing is refused, only told of. */
  readonly observe?: boolean;
  /** The way to the deciding thread. */
  readonly port: MessagePort;
}

const REREAD_MS = 5000;
const FOREVER = Number.MAX_SAFE_INTEGER;
const { layers, names, observe = false, port } = workerData as NameSetup;
let index = indexRules(layers);
let resolvers: readonly string[] = [];
let seen = '';

const tell = (news: NameNews) => port.postMessage(news);
const answering = (open: boolean): Answering => ({
  index,
  open,
  observe,
  tell,
  ask: (query, way) => askUpstream(resolvers, query, way),
  now: Date.now,
});

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Reads the files, and tells what is new in them. */
function look(): void {
  const [resolv, hosts] = [readText('/etc/resolv.conf'), readText('/etc/hosts')];
  if (`${resolv}\0${hosts}` === seen) return;
  seen = `${resolv}\0${hosts}`;
  resolvers = resolversOf(resolv);
  tell({ kind: 'resolvers', addresses: resolvers });
  // Whoever writes this file is believed, also where the address is one of this network.
  for (const { name, address } of hostsOf(hosts)) {
    const { verdict } = decideName(index, name);
    if (verdict === 'allow' || verdict === 'ask')
      tell({ kind: 'given', name, addresses: [{ address, until: FOREVER }] });
  }
}

/** Whether rules allow a name server by its address. */
function isAllowed(address: string): boolean {
  return (['net.connect_send_udp', 'net.connect_tcp'] as const).some(
    (right) =>
      parseAddress(address) !== null &&
      decideIndexed(index, { kind: 'net', right, port: 53, address }).verdict === 'allow',
  );
}

/** A question as a program would ask it. */
function queryFor(name: string, type: number): Query | null {
  const labels = name.split('.').map((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  const header = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  return readQuery(Uint8Array.from([...header, ...labels.flat(), 0, 0, type, 0, 1]));
}

/** Programs that know an address already, or read it elsewhere, find it known here as well. */
async function askAhead(name: string): Promise<void> {
  for (const type of [1, 28]) {
    const query = queryFor(name, type);
    const bytes = query === null ? null : await askUpstream(resolvers, query, 'udp');
    const read = bytes === null ? null : readAnswer(query!, bytes);
    const believed = read?.given.filter(({ address }) => believesAnswer(index, address)) ?? [];
    tellGiven({ tell, now: Date.now }, name, believed);
  }
}

look();
setInterval(look, REREAD_MS);
const serve = async (open: boolean) =>
  (await openServer((query, way, from) => answer(answering(open), query, way, from))).port;
const strict = await serve(false);
// One that passes every name on is there only for programs that may ask outside by themselves: others could find it.
parentPort!.postMessage({ strict, open: resolvers.some(isAllowed) ? await serve(true) : strict });
const asked = new Set<string>();
/** Asks for the names of rules that have not been asked for yet. */
async function askAheadFor(some: readonly string[]): Promise<void> {
  const fresh = some.filter((name) => !name.includes('*') && !asked.has(name));
  for (const name of fresh) asked.add(name);
  await Promise.all(fresh.map(askAhead));
}
// Layers that change: connections are decided by the deciding thread, which knows before this one.
port.on('message', (next: readonly RuleLayer[]) => {
  index = indexRules(next);
  seen = '';
  look();
  const spoken = next.flatMap(({ rules }) =>
    rules.flatMap((rule) => (rule.kind === 'net' && rule.host.kind === 'name' ? [rule.host.name] : [])),
  );
  void askAheadFor(spoken);
});
port.unref();
await askAheadFor(names);
