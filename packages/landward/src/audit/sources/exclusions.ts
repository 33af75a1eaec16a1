/**
 * Audit rules that keep records of Landlock out of the log: an administrator's choice, or what a crashed test left. Who
 * reads the log must know, or would take silence for peace. Owns the reading of rules, changes none.
 */

import { AUDIT_FILTER_EXCLUDE, AUDIT_MSGTYPE, AUDIT_OPERATORS, AUDIT_RULE } from '../../uapi/audit.ts';

/**
 * How many rules can exclude a record type for some process.
 *
 * @param rules each a `struct audit_rule_data`
 * @param type the record type
 */
export function excluding(rules: readonly Uint8Array[], type: number): number {
  return rules.filter((rule) => canExclude(rule, type)).length;
}

function canExclude(rule: Uint8Array, type: number): boolean {
  const view = new DataView(rule.buffer, rule.byteOffset, rule.byteLength);
  const word = (offset: number) => view.getUint32(offset, true);
  if ((word(AUDIT_RULE.flags) & 0xf) !== AUDIT_FILTER_EXCLUDE) return false;
  const count = Math.min(word(AUDIT_RULE.fieldCount), 64);
  for (let index = 0; index < count; index++) {
    if (word(AUDIT_RULE.fields + 4 * index) !== AUDIT_MSGTYPE) continue;
    const value = word(AUDIT_RULE.values + 4 * index);
    // All fields of a rule must hold: one about another type spares this one.
    if (!holds(type, word(AUDIT_RULE.operators + 4 * index), value)) return false;
  }
  return true;
}

function holds(type: number, operator: number, value: number): boolean {
  switch (operator) {
    case AUDIT_OPERATORS.equal:
      return type === value;
    case AUDIT_OPERATORS.not:
      return type !== value;
    case AUDIT_OPERATORS.less:
      return type < value;
    case AUDIT_OPERATORS.greater:
      return type > value;
    case AUDIT_OPERATORS.atMost:
      return type <= value;
    case AUDIT_OPERATORS.atLeast:
      return type >= value;
    default:
      return true;
  }
}
