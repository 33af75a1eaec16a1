/**
 * System calls that layers which may change speak about by name: asked about first, and then as if nobody had asked.
 *
 * Owns the order: a call that its layer allows goes on to the handler that it has where the rest of the plan is asked about it
 * too, and else to the kernel. Loaded only for plans whose layers may change.
 */

import { decodeAction } from '../filter/action.ts';
import { composeFilter } from '../filter/compose.ts';
import { encodeCall, interpret } from '../filter/interpret.ts';
import { unpackProgram } from '../filter/program.ts';
import { OPEN_FILTER } from '../filter/spec.ts';
import { AUDIT_ARCH } from '../uapi/audit-arch.ts';
import { SYSCALLS, type SyscallName } from '../uapi/syscalls.ts';
import { type Call, type CallRow, type CallTable, CONTINUE, refuse } from './call.ts';
import type { SupervisedPlan } from './run.ts';

/** The table with the named calls in front. */
export function withNamedCalls(
  table: CallTable,
  { arch, supervisor }: Pick<SupervisedPlan, 'arch' | 'supervisor'>,
): CallTable {
  const { calls = [], groups } = supervisor;
  if (calls.length === 0) return table;
  // What would be asked about without the names: nothing here refuses by itself.
  const program = unpackProgram(composeFilter({ ...OPEN_FILTER, ioUring: 'allow', arch, notify: groups }));
  const isAsked = (call: Call) => {
    const nr = (SYSCALLS[arch] as Partial<Record<SyscallName, number>>)[call.name];
    if (nr === undefined) return false;
    const args = [0, 1, 2, 3, 4, 5].map((index) => call.big(index));
    return (
      decodeAction(interpret(program, encodeCall({ nr, arch: AUDIT_ARCH[arch], args }))).kind === 'notify'
    );
  };
  const rows = calls.map((name): [SyscallName, CallRow] => {
    const row = table[name];
    return [
      name,
      {
        held: row?.held ?? 'registers',
        residual: row?.residual ?? '',
        handle(call) {
          const { errno } = call.run.authority.ask(call, { kind: 'call', name });
          if (errno !== 0) return refuse(errno);
          return row !== undefined && isAsked(call) ? row.handle(call) : CONTINUE;
        },
      },
    ];
  });
  return { ...table, ...Object.fromEntries(rows) };
}
