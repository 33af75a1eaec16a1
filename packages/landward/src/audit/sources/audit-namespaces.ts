/**
 * Whether records of audit can arrive here at all: the kernel hands them to the first network namespace only, and a reader
 * elsewhere is let in and hears nothing. Owns the doubt; silence must not be taken for peace.
 */

import { existsSync } from 'node:fs';

const NET = '/proc/sys/net/core';
/** Settings of the whole system, which only its first network namespace shows. */
const FIRST_ONLY = ['netdev_max_backlog', 'dev_weight', 'netdev_budget'] as const;

/** Why records may not arrive here; `null` where they do. */
export function namespaceDoubt(): string | null {
  if (FIRST_ONLY.some((name) => existsSync(`${NET}/${name}`))) return null;
  return existsSync(NET)
    ? 'records arrive in the first network namespace, and this is another one'
    : 'records arrive in the first network namespace, and it cannot be told whether this is that one';
}
