/** The calls about a program's own identity: who handles each, how it is held, what differs. `prctl` is `landlock/tables.ts`. */

import type { CallTable } from '../call.ts';
import { lsmGetSelfAttr } from './self-attribute.ts';

export const CONTROL_CALLS = {
  lsm_get_self_attr: {
    handle: lsmGetSelfAttr,
    held: 'emulated',
    residual: 'Has an entry of Landlock, with the name of the caller’s domain.',
  },
} as const satisfies CallTable;
