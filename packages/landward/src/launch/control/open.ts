/**
 * What the owner of a run may ask of the process that supervises it, and the opening of the way there.
 *
 * Owns which requests there are for a run. Whether an edit may be is the model's answer; who may ask at all is
 * `conversation.ts`.
 */

import { toPlain } from '../../audit/shape.ts';
import { LandwardError } from '../../errors.ts';
import { ERRNO, errnoName } from '../../uapi/errno.ts';
import type { LayerControl, Editor as LayerEditor } from '../layer-control.ts';
import { SOCKET } from './client.ts';
import { Denied, type Editor } from './conversation.ts';
import { answerFor } from './own.ts';
import type { Request } from './protocol.ts';
import { ControlServer } from './server.ts';

/** What of a run can be asked about. */
export interface Controlled {
  /** The run's id. */
  readonly run: string;
  /** The layers, where some may change. */
  readonly layers?: LayerControl | undefined;
  /** The domain of a process, where programs have domains of their own. */
  readonly domain?: ((pid: number) => Promise<unknown>) | undefined;
  /** Everything that has to be made again after a restore. */
  readonly checkpoint?: (() => Promise<unknown>) | undefined;
}

/**
 * Opens the way in.
 *
 * @param stem where the files of the run are in the registry
 * @throws {KernelError} where the kernel does not tell who speaks (before Linux 6.5)
 */
export function openControl(stem: string, controlled: Controlled): Disposable {
  const { run } = controlled;
  const server = new ControlServer(`${stem}${SOCKET}`, run, (request, editor) =>
    handle(controlled, request, editor),
  );
  const own = answerFor(run, (request) => handle(controlled, request, `pid ${process.pid}`));
  return {
    [Symbol.dispose]() {
      own[Symbol.dispose]();
      server[Symbol.dispose]();
    },
  };
}

async function handle(controlled: Controlled, request: Request, editor: Editor): Promise<unknown> {
  const { layers, domain, checkpoint } = controlled;
  switch (request.op) {
    case 'domain':
      if (domain === undefined) throw lacks('programs with domains of their own');
      return toPlain(await domain(needed(request.pid)));
    case 'checkpoint':
      if (checkpoint === undefined) throw lacks('a state that could be kept');
      return checkpoint();
  }
  if (layers === undefined) throw lacks('layers that may change');
  const by = { who: 'owner', name: editor } as const;
  switch (request.op) {
    case 'list':
      return layers.list();
    case 'modify':
      return modify(layers, request, by);
    case 'commit':
      return carried(await layers.commit(needed(request.key), needed(request.base), by));
    case 'discard':
      return carried(await layers.discard(needed(request.key), by));
    case 'seal':
      return carried(await layers.seal(needed(request.key), by));
  }
}

/** Drafts and commits in one step, or only drafts. */
async function modify(layers: LayerControl, request: Request, by: LayerEditor) {
  const [key, base] = [needed(request.key), needed(request.base)];
  const edits = request.edits ?? {};
  if (request.draft === true) return carried(await layers.modify(key, edits, by));
  return carried(await layers.edit(key, base, edits, by));
}

const REASONS: Readonly<Record<number, string>> = {
  [ERRNO.EBADF]: 'there is no such layer',
  [ERRNO.EPERM]:
    'the edit would give more and the layer may only become stricter, or the layer is kept to the program that made it',
  [ERRNO.EROFS]: 'the layer never changes: it was not made to, or it is sealed',
  [ERRNO.EBUSY]: 'somebody else has changed the layer since, or has drafted edits that are not committed',
  [ERRNO.ENOENT]: 'there is no such rule',
  [ERRNO.EINVAL]: 'the layer does not speak about that',
  [ERRNO.E2BIG]: 'the layer would have too many rules',
};

/** An order that was carried out; throws where it was refused. */
function carried<T extends { readonly errno: number }>(answered: T): T {
  const { errno } = answered;
  if (errno === 0) return answered;
  throw new Denied(errno, `${REASONS[errno] ?? 'it cannot be done'} (${errnoName(errno)})`);
}

function needed(value: number | undefined): number {
  if (value === undefined) throw new LandwardError('USAGE', 'The request lacks what it is about');
  return value;
}

function lacks(what: string): LandwardError {
  return new LandwardError('USAGE', `This run has no ${what}`);
}
