/** What `lsm_get_self_attr` takes and gives. Owns the numbers and the layout only. */

import { layout } from './layout.ts';

export const LSM_ATTR_CURRENT = 100;

/** Only the module whose id the caller has put into the first entry. */
export const LSM_FLAG_SINGLE = 1;

export const LSM_ID = { SELINUX: 101n, SMACK: 102n, APPARMOR: 104n, LANDLOCK: 110n } as const;

/** An entry without its text, which follows. `len` is the whole entry with padding, `ctx_len` the text with its NUL. */
export const LSM_CTX = layout('lsm_ctx', 32, {
  id: [0, 'u64'],
  flags: [8, 'u64'],
  len: [16, 'u64'],
  ctx_len: [24, 'u64'],
});
