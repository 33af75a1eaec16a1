/** `landward why`: what a policy says about one operation, by which rule, and what this kernel alone would do. */

import { escapeText, quote } from '../launch/escape.ts';
import { print } from '../launch/output.ts';
import type { WhyAnswer } from '../launch/why.ts';
import type { Rule } from '../model/rules.ts';
import { type Command, readWords, usageError } from './command.ts';

const usage = 'landward why POLICY... [--json] -- OPERATION TARGET';

const options = { json: { type: 'boolean', help: 'print JSON' } } as const;

export const command: Command = {
  usage,
  help: `Asks the model. OPERATION is read, write, exec, create, delete, rename (A -> B), connect, listen, signal or a right
such as fs.make_sock; TARGET a path (relative ones start here), tcp:443, tcp:host:443, /run/socket, @abstract. Exit status: 0 allowed, 1 not.`,
  options,
  async run(argv) {
    const { values, operands, rest } = readWords(argv, options, usage);
    if (operands.length === 0) usageError('No policy to ask', usage);
    if (rest === undefined || rest.length === 0) usageError('No question behind --', usage);
    const [{ loadForRun }, { planHost }, { why }, { errnoName }] = await Promise.all([
      import('../launch/run-policy.ts'),
      import('../launch/host.ts'),
      import('../launch/why.ts'),
      import('../uapi/errno.ts'),
    ]);
    const { plan } = await loadForRun({ policy: operands }, { keepGaps: true });
    const answer = why(plan, planHost(), rest.join(' '), process.cwd());
    print(values.json ? `${JSON.stringify(answer, null, 2)}\n` : tell(answer, errnoName));
    return answer.decision.verdict === 'allow' ? 0 : 1;
  },
};

function tell(answer: WhyAnswer, errnoName: (errno: number) => string): string {
  const { decision, kernel, changes } = answer;
  const { blame } = decision;
  const errno = decision.errno === 0 ? '' : ` (${errnoName(decision.errno)})`;
  const lines = [`${decision.verdict}: ${escapeText(answer.question)}${errno}`];
  lines.push(`  layer ${blame.layer}, ${escapeText(blame.name)}: ${reason(blame.rule, blame.missing)}`);
  for (const { layer, name, rule, missing } of decision.layers)
    if (layer !== blame.layer) lines.push(`  layer ${layer}, ${escapeText(name)}: ${reason(rule, missing)}`);
  for (const change of changes) {
    const lacks = change.missing.join(', ');
    if (change.kind === 'override') lines.push(`  to allow: change the rule at ${place(change.rule)}`);
    else if (change.kind === 'extend')
      lines.push(`  to allow: give ${lacks} to the rule at ${place(change.rule)}`);
    else if (change.nearest !== undefined)
      lines.push(`  to allow: add a rule for ${lacks}; the nearest is at ${place(change.nearest)}`);
    else lines.push(`  to allow: add a rule for ${lacks} to ${escapeText(change.name)}`);
  }
  lines.push(`  this kernel alone: ${kernelWords(kernel, errnoName)}`);
  for (const note of answer.notes) lines.push(`  note: ${escapeText(note)}`);
  return `${lines.join('\n')}\n`;
}

function reason(rule: Rule | undefined, missing: readonly string[]): string {
  if (rule === undefined) return missing.length === 0 ? 'allowed' : `no rule gives ${missing.join(', ')}`;
  const because = rule.because === undefined ? '' : `, because ${quote(rule.because)}`;
  return `${rule.verdict} by the rule at ${place(rule)}${because}`;
}

function place({ origin }: Rule): string {
  const at =
    origin.line > 0 ? `${escapeText(origin.file)}:${origin.line}:${origin.column}` : escapeText(origin.file);
  return origin.preset === undefined ? at : `${at} (preset ${escapeText(origin.preset)})`;
}

function kernelWords(kernel: WhyAnswer['kernel'], errnoName: (errno: number) => string): string {
  if (kernel === null) return 'does not know this operation and allows it';
  const verdict = kernel.allowed
    ? 'allows'
    : `denies by ${kernel.by === 'filter' ? 'the seccomp filter' : 'Landlock'} (${errnoName(kernel.errno)})`;
  const against = {
    equal: '',
    weaker: ': WEAKER than the policy, which needs the gap accepted to run',
    stricter: ': stricter than the policy',
  };
  return `${verdict}${against[kernel.against]}`;
}
