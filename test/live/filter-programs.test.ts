/**
 * The interpreter and the checker against the running kernel: random programs, installed for real.
 * Needs a C compiler; the calls are made by a small program, because a process that a random filter binds can't report.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { checkProgram } from '../../packages/landward/src/filter/check.ts';
import { composeFilter } from '../../packages/landward/src/filter/compose.ts';
import { encodeCall, interpret } from '../../packages/landward/src/filter/interpret.ts';
import { type Instruction, packProgram } from '../../packages/landward/src/filter/program.ts';
import { DEFAULT_FILTER } from '../../packages/landward/src/filter/spec.ts';
import { AUDIT_ARCH } from '../../packages/landward/src/uapi/audit-arch.ts';
import { BPF } from '../../packages/landward/src/uapi/bpf.ts';
import { syscallNumber } from '../../packages/landward/src/uapi/syscalls.ts';
import { hasCompiler, needs, root } from '../kit/needs.ts';

const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const compiler = hasCompiler() ? {} : { skip: 'needs a C compiler' };
const directory = mkdtempSync(join(tmpdir(), 'landward-filter-'));
const probe = join(directory, 'probe');

before(() => {
  if (!hasCompiler()) return;
  const built = spawnSync('cc', ['-O1', '-Wall', '-o', probe, join(root, 'test/kit/filter-probe.c')], {
    encoding: 'utf8',
  });
  assert.equal(built.status, 0, built.stderr);
});
after(() => rmSync(directory, { recursive: true }));

interface Record {
  readonly program: readonly Instruction[];
  readonly args: readonly bigint[];
}

/** What the kernel says about each program: `refused`, `killed`, or the errno of the call as text. */
function askKernel(records: readonly Record[]): string[] {
  const file = join(directory, 'records');
  const parts = records.map(({ program, args }) =>
    Buffer.concat([
      Buffer.from(Uint32Array.of(program.length, 0).buffer),
      Buffer.from(BigUint64Array.from(args).buffer),
      packProgram(program),
    ]),
  );
  writeFileSync(file, Buffer.concat(parts));
  const run = spawnSync(probe, ['programs', file], { encoding: 'utf8', maxBuffer: 1 << 24 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trimEnd().split('\n');
}

const word = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
);
const args = fc.array(
  fc.oneof(fc.constantFrom(0n, 1n, 2n, 0xffff_ffffn, 1n << 32n), fc.bigInt(0n, 2n ** 64n - 1n)),
  { minLength: 6, maxLength: 6 },
);

test('programs mean to the interpreter what they mean to the kernel', compiler, () => {
  // Everything but returns, which end programs early, and loads of the instruction pointer, which is not known here.
  const bodies = Object.values(BPF).filter(
    (code) => code !== BPF.RET_A && code !== BPF.RET_K && code !== BPF.LDX_MEM && code !== BPF.LD_MEM,
  );
  const instruction = fc
    .record({ code: fc.constantFrom(...bodies), k: word, jt: fc.nat(2), jf: fc.nat(2) })
    .map(({ code, k, jt, jf }): Instruction => {
      const jumps = (code & 7) === 5;
      if (code === BPF.JA) return { code, jt: 0, jf: 0, k: k % 3 };
      if (code === BPF.LD_ABS)
        return { code, jt: 0, jf: 0, k: [0, 4, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60][k % 14]! };
      if (code === BPF.ST || code === BPF.STX) return { code, jt: 0, jf: 0, k: k % 16 };
      if (code === BPF.LSH_K || code === BPF.RSH_K) return { code, jt: 0, jf: 0, k: k % 32 };
      if (code === BPF.DIV_K) return { code, jt: 0, jf: 0, k: Math.max(k, 1) };
      return { code, jt: jumps ? jt : 0, jf: jumps ? jf : 0, k };
    });
  const stores = Array.from({ length: 16 }, (_, k): Instruction => ({ code: BPF.ST, jt: 0, jf: 0, k }));
  const plain = (code: number, k = 0): Instruction => ({ code, jt: 0, jf: 0, k });
  const generator = fc.record({
    args,
    program: fc
      .array(
        fc.oneof(
          instruction,
          fc.record({
            code: fc.constantFrom(BPF.LD_MEM, BPF.LDX_MEM),
            jt: fc.constant(0),
            jf: fc.constant(0),
            k: fc.nat(15),
          }),
        ),
        { minLength: 1, maxLength: 24 },
      )
      .map((body) => [
        ...stores,
        ...body,
        // Room for the last jumps, then twelve bits of the accumulator as the errno, folded so that all bits count.
        plain(BPF.JA, 0),
        plain(BPF.JA, 0),
        plain(BPF.JA, 0),
        plain(BPF.TAX),
        plain(BPF.RSH_K, 12),
        plain(BPF.XOR_X),
        plain(BPF.TAX),
        plain(BPF.RSH_K, 20),
        plain(BPF.XOR_X),
        plain(BPF.AND_K, 0x7ff),
        plain(BPF.OR_K, 0x50000),
        plain(BPF.RET_A),
      ]),
  });
  const records = fc.sample(generator, { seed: 7, numRuns: 1500 });
  const answers = askKernel(records);
  assert.equal(answers.length, records.length);
  const nr = syscallNumber(arch, 'getppid')!;
  for (const [i, record] of records.entries()) {
    assert.equal(checkProgram(record.program), null);
    const word = interpret(record.program, encodeCall({ nr, arch: AUDIT_ARCH[arch], args: record.args }));
    const expected = word === 0 ? 'killed' : String(word & 0xffff);
    assert.equal(
      answers[i],
      expected,
      JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    );
  }
  assert.ok(new Set(answers).size > 100, 'the programs give different answers');
});

test('the checker refuses exactly what the kernel refuses', compiler, () => {
  const codes = [...Object.values(BPF), 0x28, 0x30, 0x40, 0x94, 0x9c, 0xb1, 0xffff];
  const instruction = fc.record({
    code: fc.constantFrom(...codes),
    jt: fc.oneof(fc.nat(3), fc.constant(0)),
    jf: fc.oneof(fc.nat(3), fc.constant(0)),
    k: fc.oneof(fc.nat(4), fc.nat(70), fc.constantFrom(16, 31, 32, 60, 64, 0xffff_ffff)),
  });
  const end = { code: BPF.RET_K, jt: 0, jf: 0, k: 0x50063 };
  const generator = fc.record({
    args,
    program: fc
      .array(instruction, { maxLength: 6 })
      .chain((body) => fc.constantFrom(body, [...body, end], [...body, end], [...body, end, end, end, end])),
  });
  const records = fc.sample(generator, { seed: 8, numRuns: 2500 });
  const answers = askKernel(records);
  const refused = answers.filter((answer) => answer === 'refused').length;
  assert.ok(refused > 300 && refused < records.length - 300, `${refused} of ${records.length} refused`);
  for (const [i, { program }] of records.entries()) {
    const reason = checkProgram(program);
    assert.equal(answers[i] === 'refused', reason !== null, `${reason}: ${JSON.stringify(program)}`);
  }
});

function makeCall(filter: boolean, how: string) {
  const file = join(directory, 'filter');
  writeFileSync(file, composeFilter({ ...DEFAULT_FILTER, arch }));
  return spawnSync(probe, ['call', filter ? file : '-', how], { encoding: 'utf8' });
}

test('a native call goes on under the filter', compiler, () => {
  assert.equal(makeCall(true, 'native').stdout, '1\n');
});

const intel = compiler.skip === undefined ? needs({ arch: 'x64' }) : compiler;

test('a call of the 32-bit interface ends the process', intel, (context) => {
  const control = makeCall(false, 'i386');
  if (control.signal === 'SIGSEGV') return context.skip('this kernel has no 32-bit interface');
  assert.ok(Number(control.stdout) > 0, `without the filter the call works: ${control.stdout}`);
  const filtered = makeCall(true, 'i386');
  assert.equal(filtered.signal, 'SIGSYS');
  assert.equal(filtered.stdout, '');
});

test('a call of x32 ends the process, whether or not the kernel has x32', intel, () => {
  const control = makeCall(false, 'x32');
  assert.equal(control.signal, null);
  assert.equal(makeCall(true, 'x32').signal, 'SIGSYS');
});
