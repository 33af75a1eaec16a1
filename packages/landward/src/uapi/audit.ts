/**
 * The netlink interface of the kernel's audit: message types, groups, status and rules.
 *
 * Owns numbers and layouts. What records say is `model/records`.
 */

import { layout } from './layout.ts';

export const NETLINK_AUDIT = 9;

/** Messages to and from the kernel. */
export const AUDIT = { GET: 1000, SET: 1001, LIST_RULES: 1013 } as const;
export const NLMSG = { ERROR: 2, DONE: 3 } as const;
export const NLM_F = { REQUEST: 1, ACK: 4, DUMP: 0x300 } as const;

/** The group that gets a copy of every record. */
export const AUDIT_NLGRP_READLOG = 1;

/** Bits of `audit_status.mask`: which members a change means. */
export const AUDIT_STATUS_MASK = { ENABLED: 1, BACKLOG_LIMIT: 0x10 } as const;

export const NLMSGHDR = layout('nlmsghdr', 16, {
  len: [0, 'u32'],
  type: [4, 'u16'],
  flags: [6, 'u16'],
  seq: [8, 'u32'],
  pid: [12, 'u32'],
});

export const SOCKADDR_NL = layout('sockaddr_nl', 12, {
  family: [0, 'u16'],
  pid: [4, 'u32'],
  groups: [8, 'u32'],
});

/** Without the members that newer kernels add behind; every kernel with Landlock has these. */
export const AUDIT_STATUS = layout('audit_status', 32, {
  mask: [0, 'u32'],
  /** 0 off, 1 on, 2 on and locked until the next boot. */
  enabled: [4, 'u32'],
  failure: [8, 'u32'],
  /** The daemon's process; 0 where there is none. */
  pid: [12, 'u32'],
  rate_limit: [16, 'u32'],
  backlog_limit: [20, 'u32'],
  /** Records that were lost since boot. */
  lost: [24, 'u32'],
  backlog: [28, 'u32'],
});

/** The list that can keep records of Landlock out of the log. */
export const AUDIT_FILTER_EXCLUDE = 5;
export const AUDIT_NEVER = 0;
export const AUDIT_MSGTYPE = 12;

/** The head of `struct audit_rule_data`; four tables of 64 words follow: mask, fields, values, operators. */
export const AUDIT_RULE = {
  flags: 0,
  action: 4,
  fieldCount: 8,
  fields: 268,
  values: 524,
  operators: 780,
} as const;

/** Operators of a rule's field. */
export const AUDIT_OPERATORS = {
  less: 0x1000_0000,
  greater: 0x2000_0000,
  not: 0x3000_0000,
  equal: 0x4000_0000,
  atMost: 0x5000_0000,
  atLeast: 0x6000_0000,
} as const;
