/** The calls that change files and names, merged from the files that hold them. Owns the merge only. */

import type { CallTable } from '../call.ts';
import { CREATE_CALLS } from './create.ts';
import { LINK_CALLS } from './link.ts';
import { OWNER_CALLS } from './metadata.ts';
import { ATTRIBUTE_CALLS } from './metadata-attributes.ts';
import { TIME_CALLS } from './metadata-times.ts';
import { IOCTL_CALLS } from './opened.ts';
import { RENAME_CALLS } from './refer.ts';
import { REMOVE_CALLS } from './remove.ts';
import { TOPOLOGY_CALLS } from './topology.ts';
import { TRUNCATE_CALLS } from './truncate.ts';

/** Handlers of the groups `create`, `remove`, `refer`, `truncate`, `opened`, `metadata` and `mount`. */
export const CHANGE_CALLS: CallTable = {
  ...CREATE_CALLS,
  ...REMOVE_CALLS,
  ...RENAME_CALLS,
  ...LINK_CALLS,
  ...TRUNCATE_CALLS,
  ...IOCTL_CALLS,
  ...OWNER_CALLS,
  ...TIME_CALLS,
  ...ATTRIBUTE_CALLS,
  ...TOPOLOGY_CALLS,
};
