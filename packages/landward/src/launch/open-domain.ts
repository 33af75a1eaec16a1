/** The entrance of the library to domains of other processes, which loads what finds them when it is first asked. */

import type { Domain } from './domain.ts';

/**
 * Opens the domain that restricts a process: which it is, whether two are the same, and its layers for another run. Known are
 * supervised runs of this user, and domains that programs make under `--landlock=user`.
 *
 * @param who a process id, looked at through a pidfd that is opened first; or such a pidfd, which is duplicated
 * @throws LandwardError UNSUPPORTED where nothing is known of the process's restrictions, KERNEL where there is no such process
 * @example
 * using domain = await openDomain(child.pid);
 * console.log(domain.name, domain.id());
 */
export async function openDomain(who: number | { readonly pidfd: number }): Promise<Domain> {
  return (await import('./domain.ts')).openDomain(who);
}
