/** Rows R-003: naming a domain, comparing domains, and who may learn what. */

import { page, type Rows } from './row.ts';

export const IDENTITY_ROWS = {
  'R-003-1': { tags: ['U', 'B'], what: 'It can be told which domain restricts a thread' },
  'R-003-2': { tags: ['model', 'B'], what: 'A name from the restricting thread and how often it did so' },
  'R-003-3': {
    tags: ['B', 'model'],
    what: 'The name is 0.0 where its maker cannot be seen from the reader’s PID namespace',
  },
  'R-003-4': { tags: ['model'], what: 'Logs always carry the whole name' },
  'R-003-5': {
    tags: ['B', 'model'],
    what: 'From outside it can be seen who is restricted, from inside not beyond one’s own',
  },
  'R-003-6': { tags: ['model'], what: 'Identifiers do not tell how many domains there are' },
  'R-003-7': { tags: ['model'], what: 'An identifier is never given again' },
  'R-003-8': { tags: ['K', 'B'], what: 'Restored processes have the identifiers that they had' },
  'R-003-9': { tags: ['model'], what: 'The layout of lsm_get_self_attr' },
  'R-003-10': {
    tags: ['D'],
    what: 'No file in /proc, but descriptors',
    page: page('identity', 'Why not a file in /proc'),
  },
  'R-003-11': { tags: ['K', 'B'], what: 'A descriptor of a domain from a pidfd, by permission' },
  'R-003-12': {
    tags: ['K', 'model'],
    what: 'An identifier from that descriptor without a race, and equality',
  },
  'R-003-13': {
    tags: ['model'],
    what: 'The absolute identifier needs CAP_AUDIT_READ, the relative one nothing',
  },
  'R-003-14': {
    tags: ['model', 'K'],
    what: 'A domain imported as a layer is the intersection of its layers',
  },
  'R-003-15': { tags: ['model'], what: 'The generator: above 2^32, growing, with random gaps' },
  'R-003-16': { tags: ['model'], what: 'Rulesets and domains share one space of identifiers' },
  'R-003-17': { tags: ['U'], what: 'Identifiers are written in hexadecimal without a prefix' },
  'R-003-18': { tags: ['model'], what: 'Identifiers are made whether or not anybody listens' },
  'R-003-20': { tags: ['model', 'B'], what: 'First and last domain of a process, for those above it only' },
  'R-003-21': { tags: ['U'], what: 'One identifier in logs, events and tools' },
  'R-003-22': {
    tags: ['U'],
    what: 'Where the kernel tells nobody, the launcher’s registry does, also after its restart',
  },
} as const satisfies Rows;
