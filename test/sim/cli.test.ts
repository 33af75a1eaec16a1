/** The command line without a kernel: reading of words, escaping of foreign text, errors as they read, suggestions. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { helpPage, readWords } from '../../packages/landward/src/cli/command.ts';
import { help } from '../../packages/landward/src/cli/help.ts';
import { suggest } from '../../packages/landward/src/cli/suggest.ts';
import { KernelError, LandwardError, PolicyErrors } from '../../packages/landward/src/errors.ts';
import { diagnose } from '../../packages/landward/src/launch/diagnostics.ts';
import { escapeText, quote, shellWord } from '../../packages/landward/src/launch/escape.ts';
import { refuse } from '../../packages/landward/src/policy/compile-refuse.ts';

const OPTIONS = {
  read: { type: 'string', multiple: true, value: 'PATH', help: 'read' },
  output: { type: 'string', short: 'o', value: 'FILE', help: 'write' },
  json: { type: 'boolean', help: 'JSON' },
} as const;

const refusal = (argv: readonly string[]): LandwardError => {
  try {
    readWords(argv, OPTIONS, 'landward x');
  } catch (error) {
    if (error instanceof LandwardError) return error;
    throw error;
  }
  return assert.fail(`accepted: ${argv.join(' ')}`);
};

test('words: what stands before -- is landward’s, what stands behind is not looked at', () => {
  const words = readWords(
    ['--read', 'a', '--read=b', 'x', '--json', '--', '--read', '-o', '--', 'y'],
    OPTIONS,
    'u',
  );
  assert.deepEqual({ ...words.values }, { read: ['a', 'b'], json: true });
  assert.deepEqual(words.operands, ['x']);
  assert.deepEqual(words.rest, ['--read', '-o', '--', 'y']);
  assert.equal(readWords([], OPTIONS, 'u').rest, undefined);
  assert.deepEqual(readWords(['--'], OPTIONS, 'u').rest, []);
});

test('words: unknown, repeated and incomplete options are refused and the nearest is named', () => {
  assert.match(refusal(['--raed', 'x']).fix!, /--read/);
  assert.match(refusal(['--zzz']).message, /Unknown option --zzz/);
  assert.match(refusal(['-o', 'a', '-o', 'b']).message, /--output stands twice/);
  assert.equal(refusal(['-o']).code, 'USAGE');
  assert.equal(refusal(['--json=yes']).code, 'USAGE');
  assert.equal(refusal(['--read', '--json']).code, 'USAGE');
});

test('words: no argument list is read as something else than given (property)', () => {
  const word = fc.string({ minLength: 1, maxLength: 8 }).filter((text) => !text.startsWith('-'));
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 4 }),
      fc.array(fc.string({ maxLength: 6 }), { maxLength: 4 }),
      (reads, rest) => {
        const words = readWords([...reads.flatMap((path) => ['--read', path]), '--', ...rest], OPTIONS, 'u');
        assert.deepEqual(words.values.read ?? [], reads);
        assert.deepEqual(words.rest, rest);
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});

test('suggestions: a slip finds its word, another word finds none', () => {
  const words = ['run', 'status', 'policy', 'compile'];
  assert.equal(suggest('rnu', words), 'run');
  assert.equal(suggest('stauts', words), 'status');
  assert.equal(suggest('--polcy', ['--policy']), '--policy');
  assert.equal(suggest('frobnicate', words), undefined);
  assert.equal(suggest('', words), undefined);
});

test('help fits a screen and names every command', () => {
  const lines = help().split('\n');
  assert.ok(lines.length <= 40 && lines.every((line) => line.length <= 100), `${lines.length} lines`);
  for (const name of ['run', 'status', 'why', 'policy', 'init', 'compile'])
    assert.match(help(), new RegExp(`landward ${name}`));
  const page = helpPage({ usage: 'landward x', help: 'Does x.', options: OPTIONS, run: () => 0 });
  assert.match(page, /Usage: landward x[\s\S]*-o, --output FILE {2,}write/);
});

const HOSTILE = [
  '\u001b[2J',
  '\u0007',
  '\r',
  '\n',
  '\u009b31m',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u200b',
  '\u2028',
  '\ufeff',
  '\u{e0041}',
  '\ud800',
  '\u007f',
  '\ufe0f',
];

test('escaping: nothing that moves a cursor, turns text or hides passes; the rest stays', () => {
  for (const hostile of HOSTILE) {
    const safe = escapeText(`a${hostile}b`);
    assert.doesNotMatch(safe, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/u, JSON.stringify(hostile));
    assert.notEqual(safe, 'ab');
  }
  assert.equal(escapeText('/srv/größe/文件/📁 x'), '/srv/größe/文件/📁 x');
  assert.equal(escapeText('a\u001b[2Jb\n'), 'a\\x1b[2Jb\\n');
  assert.equal(quote('a"b\\'), '"a\\"b\\\\"');
});

test('escaping: one line of printable text for any input (property)', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      assert.doesNotMatch(escapeText(text), /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{DI}]/u);
      assert.equal(escapeText(escapeText(text)), escapeText(text));
    }),
    { seed: 7, numRuns: 500 },
  );
});

test('quoting: two names never look the same (property)', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.string({ unit: 'binary', maxLength: 12 }),
      (a, b) => {
        if (a !== b) assert.notEqual(quote(a), quote(b));
      },
    ),
    { seed: 7, numRuns: 500 },
  );
});

test('shell words: plain ones stay, others are quoted', () => {
  assert.deepEqual(['a/b.c', 'a b', "it's", ''].map(shellWord), ['a/b.c', "'a b'", "'it'\\''s'", "''"]);
  assert.equal(shellWord('a\nb'), "$'a\\x0ab'");
});

test('errors: place, source line, caret below the character, advice; all of it harmless', () => {
  const at = { file: 'pol\u001bicy.toml', line: 3, column: 6 };
  const text = diagnose(
    new LandwardError('POLICY_INVALID', 'Unknown key \u202ex', {
      at,
      source: '\tre\u0007ad = []',
      fix: 'Did you mean read?',
    }),
  );
  const lines = text.trimEnd().split('\n');
  assert.match(lines[0]!, /^landward: pol\\x1bicy\.toml:3:6: Unknown key \\u\{202e\}x$/);
  assert.equal(lines[1], '  3 | \\tre\\x07ad = []');
  assert.equal(lines[2]!.indexOf('^'), lines[1]!.indexOf('d ='));
  assert.equal(lines[3], '  fix: Did you mean read?');
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
});

test('errors: a long line is cut around the place', () => {
  const source = `${'x'.repeat(5000)}HERE${'y'.repeat(5000)}`;
  const text = diagnose(
    new LandwardError('POLICY_SYNTAX', 'Bad', { at: { file: 'f', line: 1, column: 5001 }, source }),
  );
  const [, line, caret] = text.split('\n');
  assert.ok(line!.length < 200);
  assert.equal(caret!.indexOf('^'), line!.indexOf('HERE'));
});

test('errors: every problem of a policy is told; a refusal of the kernel names call and errno', () => {
  const many = new PolicyErrors(
    [1, 2].map(
      (line) =>
        new LandwardError('POLICY_INVALID', `Problem ${line}`, { at: { file: 'f', line, column: 1 } }),
    ),
  );
  assert.match(diagnose(many), /f:1:1: Problem 1[\s\S]*f:2:1: Problem 2/);
  const refused = new KernelError({ syscall: 'openat', errno: 13, errname: 'EACCES', step: 'open /x' });
  assert.match(diagnose(refused), /open \/x: openat failed with EACCES[\s\S]*openat returned errno 13/);
  assert.match(diagnose(new TypeError('oh\u001b')), /TypeError: oh\\x1b/);
  assert.match(diagnose('text'), /landward: text/);
});

test('errors: a path with a line break adds no line, in a list of gaps neither', () => {
  const lie = '/p/x\n  fix: run something else';
  const text = diagnose(new LandwardError('PATH_MISSING', `A rule grants '${lie}'`));
  assert.equal(text.split('\n').filter((line) => line.startsWith('  fix:')).length, 1, text);
  const gap = { feature: 'self', lost: lie, closes: 'nothing', accepted: false } as const;
  assert.throws(
    () => refuse({ gaps: [gap] }),
    (error) =>
      diagnose(error)
        .split('\n')
        .filter((line) => line.startsWith('  fix:')).length === 1,
  );
});
