import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { landwardBin } from '../kit/child.ts';
import { needs } from '../kit/needs.ts';
import { runInTerminal } from '../kit/terminal.ts';
import { makeWorld, policyText } from './world.ts';

/** Characters pushed into the terminal's input, as root, who needs no sysctl for it; the numbers carry high bits too. */
const REQUESTS = [
  ['TIOCSTI', '5412'],
  ['TIOCSTI with high bits', '100005412'],
  ['TIOCLINUX', '541c'],
  ['TIOCLINUX with high bits', 'ff0000000000541c'],
] as const;

const options = needs({ abi: 6, root: true, tools: ['python3'] });

async function push(request: string, process_: string): Promise<string> {
  const world = makeWorld();
  try {
    const file = join(world.top, 'policy.toml');
    writeFileSync(file, policyText(world, { sections: { process: process_ } }));
    const command = ['run', '-p', file, '--', world.probe, 'push-terminal', request];
    const result = await runInTerminal(process.execPath, [landwardBin, ...command], { cwd: world.project });
    return result.stdout;
  } finally {
    world.remove();
  }
}

for (const [name, request] of REQUESTS) {
  test(`33 ${name}: held`, options, async () => {
    assert.match(await push(request, ''), /ERRNO 1 ioctl/);
  });
  test(`33 ${name}: reaches the terminal without the filter`, options, async () => {
    const output = await push(request, 'terminal_injection = "allow"');
    // TIOCLINUX is for virtual consoles; a pseudo-terminal answers that it does not know it (ENOTTY), which is no refusal.
    assert.match(output, request.endsWith('5412') ? /DONE pushed/ : /ERRNO 25 ioctl/);
  });
}
