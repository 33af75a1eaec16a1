/** Records of decisions: what a room outside of `model` may use of this folder. */

export { parseAudit, RECORD_TYPES, renderAudit, renderAuditLine } from './audit.ts';
export { decodeBytes, encodeBytes } from './bytes.ts';
export { type DescribeTrace, lineOfDenial, traceDenial } from './decisions.ts';
export { readUntrusted, untrusted } from './fields.ts';
export { type Describe, describeObject, type Journal, startJournal } from './journal.ts';
export {
  type Actor,
  type Line2023,
  OPERATIONS_2023,
  type Operation2023,
  parseLine2023,
  renderLine2023,
} from './line2023.ts';
export type {
  AccessRecord,
  AllocatedRecord,
  AuditRecord,
  DeallocatedRecord,
  FileIdentity,
  ForeignField,
  NetFields,
  Parsed,
  RecordObject,
  Stamp,
} from './record.ts';
export type { RulesetVersion, TraceEvent, TraceInode, TraceLine } from './trace-event.ts';
export { parseTrace, renderTrace, TRACE_EVENTS } from './tracepoint.ts';
