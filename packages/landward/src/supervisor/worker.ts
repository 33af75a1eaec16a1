/** The entry point of the deciding Worker: everything that it will need, imported, and then served with. */

import { workerData } from 'node:worker_threads';
import { CALLS } from './calls.ts';
import { mayChange } from './may-change.ts';
import type { WorkerSetup } from './messages.ts';
import { serve } from './serve.ts';

const { plan } = workerData as WorkerSetup;
// Nothing can be loaded once it serves; where no layer may change, nothing that could change one is there at all.
if (mayChange(plan))
  void import('./changing-layers.ts').then(({ changingLayers, withNamedCalls }) =>
    serve(withNamedCalls(CALLS, plan), changingLayers(plan)),
  );
else serve(CALLS);
