/** Rows R-000: whose credential decides on a socket operation, and which sockets may be made. */

import { page, type Rows } from './row.ts';

export const SOCKET_ROWS = {
  'R-000-1': {
    tags: ['U'],
    what: 'The calling thread decides on bind and connect, whatever the age and origin of the socket',
  },
  'R-000-2': { tags: ['K', 'B'], what: 'Mode in which only the domain decides that the socket was made in' },
  'R-000-3': {
    tags: ['K', 'B'],
    what: 'Mode in which both have to allow, and the denial says which did not',
  },
  'R-000-4': {
    tags: ['K', 'B'],
    what: 'Each ruleset says whom it binds; a stack of both kinds asks each layer its own way',
  },
  'R-000-5': {
    tags: ['K', 'B'],
    what: 'Mode in which new rights are denied to sockets that are made inside',
  },
  'R-000-6': {
    tags: ['K', 'B'],
    what: 'A scope that keeps tasks from aiming sockets that were made outside of the layer',
  },
  'R-000-7': { tags: ['B', 'K'], what: 'A passive socket can be locked in, against all three roads back' },
  'R-000-8': {
    tags: ['U'],
    what: 'AF_UNSPEC and malformed addresses meet the same errno as without a sandbox',
  },
  'R-000-9': { tags: ['K', 'model'], what: 'An accepted socket counts as made by who accepts it' },
  'R-000-10': {
    tags: ['U'],
    what: 'The server that confines itself between bind and listen works, and neither attack gets out',
  },
  'R-000-11': {
    tags: ['U'],
    what: 'The same server with two layers, and that a port number leaves every local address open',
  },
  'R-000-12': { tags: ['B'], what: 'Rules about addresses, not only ports' },
  'R-000-13': {
    tags: ['K', 'B'],
    what: 'A socket can be given the credential of the caller, by the rule of ptrace, for all who hold it',
  },
  'R-000-14': {
    tags: ['K', 'B'],
    what: 'What was opened outside is asked about at each use, but for listed descriptors',
  },
  'R-000-15': {
    tags: ['D'],
    what: 'The words capability and ambient authority, and which of them a socket is',
    page: page('sockets', 'Capability or ambient authority'),
  },
  'R-000-16': {
    tags: ['model'],
    what: 'Peers are judged by who made their socket, callers by what they are now',
  },
  'R-000-17': {
    tags: ['D', 'U'],
    what: 'Each mode can be probed for',
    page: page('sockets', 'What this system holds'),
  },
  'R-000-18': {
    tags: ['D', 'U'],
    what: 'Every mode states what becomes of a socket that is passed in, passed out, or made narrow and handed on',
    page: page('sockets', 'Descriptors that travel'),
  },
  'R-000-19': {
    tags: ['U'],
    what: 'Streams are asked about at connect, datagrams at each send to somebody else',
  },
  'R-000-20': { tags: ['U'], what: 'A trial lists the sockets that would suddenly break' },
  'R-000-21': { tags: ['U'], what: 'A denial says whose credential denied' },
  'R-000-22': {
    tags: ['U'],
    what: 'A process restricts itself at any moment of its life, with descriptors, threads and sockets open',
  },
  'R-000-23': {
    tags: ['D'],
    what: 'The outcome is explained, and who is the client in scopes',
    page: page('sockets', 'Who is the client'),
  },
  'R-000-30': { tags: ['B'], what: 'A right and a rule for making sockets, by family, type and protocol' },
  'R-000-31': { tags: ['B'], what: 'socket, socketpair and io_uring are covered' },
  'R-000-32': {
    tags: ['U'],
    what: 'A denied kind of socket is EACCES, also where no protocol would take it',
  },
  'R-000-33': { tags: ['model'], what: 'Kinds of sockets are compared in canonical form' },
  'R-000-34': {
    tags: ['D'],
    what: 'Sockets that come from elsewhere are not touched, and docs say so',
    page: page('sockets', 'Which sockets may be made'),
  },
  'R-000-35': { tags: ['U'], what: 'TCP rights mean TCP, not MPTCP or SMC' },
  'R-000-40': { tags: ['U', 'B'], what: 'Rights for UDP: the local port, and the remote one' },
  'R-000-41': { tags: ['U'], what: 'A port that the kernel chooses is asked about as port 0' },
  'R-000-42': {
    tags: ['U'],
    what: 'Sending where a socket is connected to is free, naming an address is not',
  },
  'R-000-43': {
    tags: ['model'],
    what: 'AF_UNSPEC as a destination is read as strictly as either family would',
  },
  'R-000-44': {
    tags: ['U'],
    what: 'A UDP socket that is dissolved is asked about when it is connected again',
  },
  'R-000-45': {
    tags: ['U'],
    what: 'Sockets with a path need a right where the server is outside of the domain',
  },
} as const satisfies Rows;
