/**
 * Pages whose examples are executed. A fenced block whose info string says so is run; all others are prose.
 *
 *     ```toml file=policy.toml      writes the block to that file
 *     ```console run                runs each line behind "$ " in a shell and compares what follows with its output;
 *                                   "…" stands for any text, alone on a line for any lines; "[exit N]" for a status
 *     ```ts run                     runs the block as a module of Node, which must end well; comments "// → text"
 *                                   are the lines that it prints
 *
 * The blocks of a page run in order in one fresh directory, below a fresh HOME.
 */

export type Block =
  | { readonly kind: 'file'; readonly line: number; readonly file: string; readonly text: string }
  | { readonly kind: 'console'; readonly line: number; readonly commands: readonly Command[] }
  | { readonly kind: 'module'; readonly line: number; readonly text: string; readonly output: string };

export interface Command {
  readonly line: number;
  readonly text: string;
  readonly output: string;
  readonly status: number;
}

/** The blocks of a Markdown text that are executed. */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w+)?\s*(.*)$/.exec(lines[i]!);
    if (fence === null) continue;
    const start = i + 1;
    let end = start;
    while (end < lines.length && lines[end] !== '```') end++;
    const [, language, info] = fence;
    const body = lines.slice(start, end);
    const file = /(?:^|\s)file=(\S+)/.exec(info!)?.[1];
    if (file !== undefined) blocks.push({ kind: 'file', line: start, file, text: `${body.join('\n')}\n` });
    else if (info === 'run' && language === 'console')
      blocks.push({ kind: 'console', line: start, commands: commandsOf(body, start + 1) });
    else if (info === 'run')
      blocks.push({ kind: 'module', line: start, text: body.join('\n'), output: promised(body) });
    else if (info !== '') throw new Error(`line ${start}: unknown words behind a fence: ${info}`);
    i = end;
  }
  return blocks;
}

function commandsOf(body: readonly string[], first: number): readonly Command[] {
  const commands: { line: number; text: string; output: string[]; status: number }[] = [];
  for (const [index, line] of body.entries()) {
    const status = /^\[exit (\d+)\]$/.exec(line);
    const last = commands.at(-1);
    if (line.startsWith('$ '))
      commands.push({ line: first + index, text: line.slice(2), output: [], status: 0 });
    else if (last === undefined) throw new Error(`line ${first + index}: output before the first command`);
    else if (last.text.endsWith('\\')) last.text = `${last.text}\n${line}`;
    else if (status !== null) last.status = Number(status[1]);
    else last.output.push(line);
  }
  return commands.map(({ output, ...rest }) => ({ ...rest, output: output.join('\n') }));
}

const promised = (body: readonly string[]) =>
  body.flatMap((line) => /\/\/ → (.*)$/.exec(line)?.[1] ?? []).join('\n');

/** Whether a text is what a page promises; "…" stands for any text. */
export function matches(promise: string, text: string): boolean {
  const pattern = promise
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[\\s\\S]*?');
  return new RegExp(`^${pattern}$`).test(text.trim());
}
