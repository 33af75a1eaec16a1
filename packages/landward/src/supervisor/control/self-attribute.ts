/**
 * `lsm_get_self_attr` for supervised programs: what the kernel's modules say of the caller, and an entry of Landlock with the
 * name of the caller's domain, which no kernel gives.
 *
 * Owns the call: its errors, sizes and layout are the kernel's. The kernel would answer about whoever calls, so that what other
 * modules say is read from procfs, where it is said of the caller. The name is what the caller may see: `0.0` for a domain that
 * was made above its PID namespace, and for none.
 */

import { attempt } from '../../kernel/call.ts';
import { HIDDEN_NAME, readName } from '../../model/landlock/index.ts';
import { ERRNO } from '../../uapi/errno.ts';
import { LSM_ATTR_CURRENT, LSM_CTX, LSM_FLAG_SINGLE, LSM_ID } from '../../uapi/lsm.ts';
import { type Call, CONTINUE, type Handler, refuse } from '../call.ts';
import { readProc } from '../target/proc.ts';
import { nameOfCaller } from './domains.ts';

const ALIGNMENT = 8;
const MODULES = 64;

/** The modules that have a `current` attribute, and where procfs has it. */
const PROC_ATTRIBUTES = new Map<bigint, string>([
  [LSM_ID.SELINUX, 'current'],
  [LSM_ID.SMACK, 'smack/current'],
  [LSM_ID.APPARMOR, 'apparmor/current'],
]);

export const lsmGetSelfAttr: Handler = (call) => {
  const [attribute, buffer, sizeAt, flags] = [call.uint(0), call.arg(1), call.arg(2), call.uint(3)];
  // Landlock has no other attribute, and what the kernel looks at then is the caller's own.
  if (attribute !== LSM_ATTR_CURRENT) return CONTINUE;
  if (sizeAt === 0) return refuse(ERRNO.EINVAL);
  const room = view(call.target.read(sizeAt, 4)).getUint32(0, true);
  const only = flags === 0 ? null : single(call, flags, buffer);
  const entries = only === null ? everything(call) : of(call, only);
  return write(call, { buffer, sizeAt, room }, entries);
};

/** The module that alone is asked about. */
function single(call: Call, flags: number, buffer: number): bigint {
  if (flags !== LSM_FLAG_SINGLE || buffer === 0) return refuse(ERRNO.EINVAL);
  const { id } = LSM_CTX.decode(call.target.read(buffer, LSM_CTX.size));
  return id === 0n ? refuse(ERRNO.EINVAL) : id;
}

function everything(call: Call): readonly Uint8Array[] {
  return [...modules().filter((id) => id !== LSM_ID.LANDLOCK), LSM_ID.LANDLOCK].flatMap((id) => of(call, id));
}

function of(call: Call, id: bigint): readonly Uint8Array[] {
  const text = id === LSM_ID.LANDLOCK ? ownName(call) : kernelsText(call, id);
  return text === null ? [] : [entry(id, text)];
}

function ownName(call: Call): Uint8Array {
  const known = nameOfCaller(call);
  return Buffer.from(known === null ? HIDDEN_NAME : readName(known.name, known.namespace));
}

/** What a module of the kernel says of the caller; `null` where it says nothing. */
function kernelsText(call: Call, id: bigint): Uint8Array | null {
  const file = PROC_ATTRIBUTES.get(id);
  if (file === undefined || !modules().includes(id)) return null;
  const bytes = readProc(`/proc/${call.target.tid}/attr/${file}`);
  if (bytes === null) return null;
  const end = bytes.findIndex((byte) => byte === 0 || byte === 10);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** The active modules in the kernel's order. Kernels before Linux 6.8 do not tell, and do not know this call either. */
function modules(): readonly bigint[] {
  const ids = new BigUint64Array(MODULES);
  const size = new Uint32Array([ids.byteLength]);
  const count = attempt('lsm_list_modules', ids, size, 0);
  return count < 0 ? [] : [...ids.subarray(0, count)];
}

/** `struct lsm_ctx` with its text, which ends with NUL. */
function entry(id: bigint, text: Uint8Array): Uint8Array {
  const length = text.length + 1;
  const whole = Math.ceil((LSM_CTX.size + length) / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(whole);
  bytes.set(LSM_CTX.encode({ id, flags: 0, len: whole, ctx_len: length }));
  bytes.set(text, LSM_CTX.size);
  return bytes;
}

/** Writes entries as far as they fit, and always the size of all. */
function write(
  call: Call,
  { buffer, sizeAt, room }: { readonly buffer: number; readonly sizeAt: number; readonly room: number },
  entries: readonly Uint8Array[],
) {
  let total = 0;
  let left = room;
  for (const bytes of entries) {
    // After the first that does not fit none does.
    if (bytes.length > left) left = 0;
    else {
      if (buffer !== 0) call.target.write(buffer + total, bytes);
      left -= bytes.length;
    }
    total += bytes.length;
  }
  call.target.write(sizeAt, new Uint8Array(new Uint32Array([total]).buffer));
  if (total > room) return refuse(ERRNO.E2BIG);
  return entries.length === 0
    ? refuse(ERRNO.EOPNOTSUPP)
    : ({ kind: 'value', value: entries.length } as const);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
