/** Rows R-002: policy programs. */

import { page, type Rows } from './row.ts';

export const PROGRAM_ROWS = {
  'R-002-1': {
    tags: ['U', 'model'],
    what: 'Programs only narrow, and see nothing that is refused without them',
  },
  'R-002-2': { tags: ['U'], what: 'Three kinds of clients: a sandbox, an auditor, an agent' },
  'R-002-3': { tags: ['U'], what: 'Unprivileged by default, privileged as in 2019 by a switch' },
  'R-002-4': { tags: ['U', 'B'], what: 'Enough to build other sandboxes on top' },
  'R-002-5': { tags: ['U'], what: 'The same policy as text and as program decides alike' },
  'R-002-6': { tags: ['U'], what: 'Decisions are about objects, not about arguments that can be exchanged' },
  'R-002-7': { tags: ['U'], what: 'One call enforces, and a filter can allow that one alone' },
  'R-002-8': { tags: ['U'], what: 'A program that arrives over a socket can be enforced by who receives it' },
  'R-002-9': {
    tags: ['D'],
    what: 'For developers without privileges, not for a system-wide policy',
    page: page('programs', 'Who loads programs'),
  },
  'R-002-10': { tags: ['U'], what: 'A small interface that stands against random input' },
  'R-002-11': { tags: ['model'], what: 'Bounded time for every decision' },
  'R-002-12': {
    tags: ['model', 'D'],
    what: 'A program learns nothing about its subject',
    page: page('programs', 'What a program cannot learn'),
  },
  'R-002-13': {
    tags: ['D'],
    what: 'Which features of the old designs are here and which are not',
    page: page('programs', 'What became of the designs'),
  },
  'R-002-14': { tags: ['D'], what: 'A guide and a reference', page: page('programs', 'Hooks') },
  'R-002-15': {
    tags: ['model', 'K'],
    what: 'A program is loaded for the hook that it was written for, or not at all',
  },
  'R-002-16': {
    tags: ['model'],
    what: 'A context is read at the exact offsets of its fields, objects only whole',
  },
  'R-002-17': {
    tags: ['model'],
    what: 'No arithmetic on objects, no looking into them, no giving them away',
  },
  'R-002-18': { tags: ['model'], what: 'The result is proven to be 0 or 1' },
  'R-002-19': { tags: ['model'], what: 'Only the listed functions can be called' },
  'R-002-20': { tags: ['model'], what: 'The function that compares two tasks by their lists' },
  'R-002-21': {
    tags: ['D'],
    what: 'Rules for functions that programs may call',
    page: page('programs', 'Helpers'),
  },
  'R-002-22': {
    tags: ['D'],
    what: 'A hook stands for a set of checks on one kind of object',
    page: page('programs', 'Hooks'),
  },
  'R-002-23': { tags: ['model'], what: 'The errno order of the enforcing call' },
  'R-002-24': { tags: ['model'], what: 'With and without no_new_privs' },
  'R-002-25': { tags: ['model'], what: 'Lists are shared, immutable, and freed without recursion' },
  'R-002-26': { tags: ['model'], what: 'Only the calling thread changes' },
  'R-002-27': { tags: ['model'], what: 'Newest first, all run, one refusal is enough' },
  'R-002-28': { tags: ['model'], what: 'Checks take no lock' },
  'R-002-29': { tags: ['model'], what: 'Whose programs are asked when a task is traced, or asks to be' },
  'R-002-30': { tags: ['U'], what: 'The table of eight family trees and three ways to trace' },
  'R-002-31': { tags: ['model'], what: 'The four cases of the verifier’s test' },
  'R-002-32': { tags: ['model'], what: 'Enforcing NULL is EFAULT' },
  'R-002-33': { tags: ['model'], what: 'Absent unless switched on' },
  'R-002-34': { tags: ['model'], what: 'A stated limit on programs' },
  'R-002-35': {
    tags: ['D', 'U'],
    what: 'The recommended order of steps, followed by the sample',
    page: page('programs', 'The order of steps'),
  },
  'R-002-36': { tags: ['U'], what: 'No program can branch on who the subject is' },
  'R-002-37': { tags: ['B'], what: 'A policy for a service or control group' },
  'R-002-38': { tags: ['U', 'B'], what: 'Auditing by programs that allow everything' },
  'R-002-40': { tags: ['model'], what: 'The one file event of 2016, with its action bits and abilities' },
  'R-002-41': { tags: ['model'], what: 'Walk, pick and get, and what each system call triggers' },
  'R-002-42': {
    tags: ['model'],
    what: 'State is carried along one lookup, and programs of a chain hold together',
  },
  'R-002-43': { tags: ['model'], what: 'A map of objects that its loader fills' },
  'R-002-44': {
    tags: ['model'],
    what: 'State on open directories, so that relative lookups keep what the walk earned',
  },
  'R-002-45': {
    tags: ['model'],
    what: 'A program names the triggers that it is for, and a list of denied paths as its sample',
  },
  'R-002-46': {
    tags: ['D', 'U'],
    what: 'Which of the old triggers are held today',
    page: page('programs', 'Triggers'),
  },
  'R-002-50': {
    tags: ['D'],
    what: 'The objections of 2019 and their answers',
    page: page('programs', 'What became of the designs'),
  },
  'R-002-51': { tags: ['K', 'model'], what: 'A program chooses the ruleset at execve' },
} as const satisfies Rows;
