/** Rows R-001: whether a layer may change after it was added, by whom, and who sees it. */

import { page, type Rows } from './row.ts';

export const LAYER_ROWS = {
  'R-001-1': { tags: ['U'], what: 'A layer that says nothing never changes, for nobody' },
  'R-001-2': { tags: ['U', 'model'], what: 'Nothing that a parent does later changes its child' },
  'R-001-3': { tags: ['U'], what: 'Nobody widens a layer that binds them' },
  'R-001-4': {
    tags: ['K', 'B', 'model'],
    what: 'Whether a layer may change is said when it is added, and never later',
  },
  'R-001-5': { tags: ['model'], what: 'Who may change a layer is a field of its own' },
  'R-001-6': {
    tags: ['model', 'B'],
    what: 'Stricter only and any change are two things; stricter is judged by meaning',
  },
  'R-001-7': {
    tags: ['U', 'model'],
    what: 'Adding and changing are two calls, and neither turns into the other',
  },
  'R-001-8': { tags: ['model'], what: 'Nothing depends on who shares what, or who forked first' },
  'R-001-9': {
    tags: ['D', 'U'],
    what: 'Without the feature the core is as it was',
    page: page('changing-layers', 'What a change reaches, and what it does not'),
  },
  'R-001-10': {
    tags: ['model', 'B'],
    what: 'Changing what binds others has its own switch, check and log entry, and is off',
  },
  'R-001-11': { tags: ['model', 'B'], what: 'A rule is replaced with no moment between' },
  'R-001-12': { tags: ['model'], what: 'Layers are a tree that is freed from its leaves, without recursion' },
  'R-001-13': { tags: ['U'], what: 'Layers of system calls follow the same rules as layers of files' },
  'R-001-14': {
    tags: ['model', 'B'],
    what: 'Children see later changes only where that was asked for when they were made',
  },
  'R-001-15': { tags: ['model'], what: 'The errno order of the call of 2017' },
  'R-001-16': { tags: ['model', 'U'], what: 'A task can ask whether any of its own layers may change' },
  'R-001-17': { tags: ['model'], what: 'A layer that may grow never exceeds the layers below it' },
  'R-001-18': {
    tags: ['U'],
    what: 'Each commit is logged: who, which layer, from which version to which, whether it gives more',
  },
  'R-001-19': { tags: ['model', 'B'], what: 'Closing the last handle seals the layer' },
  'R-001-20': {
    tags: ['model', 'B'],
    what: 'A pair of rulesets: the changing one can never be enforced by itself',
  },
  'R-001-21': {
    tags: ['model'],
    what: 'What is fixed or committed is granted, and all layers have to allow',
  },
  'R-001-22': {
    tags: ['model'],
    what: 'Intersecting keeps what both name, and drops a rule of which nothing is left',
  },
  'R-001-23': { tags: ['model', 'B'], what: 'Edits become visible together at one commit, never in part' },
  'R-001-24': { tags: ['model'], what: 'One decision sees one version of every layer' },
  'R-001-25': {
    tags: ['model', 'B'],
    what: 'Who lives in a layer cannot change it, whatever handle they hold',
  },
  'R-001-26': {
    tags: ['model'],
    what: 'Truncating and device ioctls of open files are asked about again where a layer may change',
  },
  'R-001-27': {
    tags: ['D'],
    what: 'Open files and maps keep what they had',
    page: page('changing-layers', 'What a change reaches, and what it does not'),
  },
} as const satisfies Rows;
