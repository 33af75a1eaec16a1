import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runChild } from '../kit/child.ts';
import { needs, root } from '../kit/needs.ts';
import { temporaryDirectory } from '../kit/temporary.ts';

/** Children that each make a domain of their own: one after the other, or all alive together. */
const SOURCE = String.raw`
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const unsigned long long attr[6] = {1 << 2};
static int counts[4];

/* 1: restricted and denied, 2: refused with ENOMEM, 3: anything else. */
static int child(int ruleset) {
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(446, ruleset, 0)) return errno == ENOMEM ? 2 : 3;
  return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 1 : 3;
}

int main(int argc, char **argv) {
  int n = atoi(argv[1]), together = argc > 2, hold[2], told[2];
  int ruleset = syscall(444, attr, sizeof(attr), 0);
  if (ruleset < 0 || pipe(hold) || pipe(told)) return 9;
  for (int i = 0; i < n; i++) {
    pid_t pid = fork();
    if (pid < 0) return 8;
    if (pid == 0) {
      char result = child(ruleset), byte;
      close(hold[1]);
      if (write(told[1], &result, 1) != 1) _exit(7);
      if (together && read(hold[0], &byte, 1)) _exit(7);
      _exit(0);
    }
    char result;
    if (read(told[0], &result, 1) != 1) return 6;
    counts[(int)result]++;
    if (!together) waitpid(pid, NULL, 0);
  }
  close(hold[1]);
  while (wait(NULL) > 0) {}
  printf("%d %d %d\n", counts[1], counts[2], counts[3]);
  return 0;
}
`;

const LAST_NUMBER = 1023;
const options = needs({ supervisor: true, tools: ['cc'] });

async function domains(directory: string, words: readonly string[]): Promise<number[]> {
  const program = join(directory, 'domains');
  writeFileSync(`${program}.c`, SOURCE);
  execFileSync('cc', ['-O1', '-o', program, `${program}.c`]);
  const landward = join(root, 'test/kit/landward.ts');
  const args = [landward, 'run', '--landlock=user', '--', program, ...words];
  const child = await runChild(process.execPath, args, { timeout: 120_000 });
  assert.equal(child.code, 0, child.stderr);
  return child.stdout.trim().split(' ').map(Number);
}

test('numbers of domains that are gone are used again', options, async (t) => {
  const [denied, refused, other] = await domains(temporaryDirectory(t, 'numbers'), ['2500']);
  assert.deepEqual([denied, refused, other], [2500, 0, 0]);
});

test('no thread goes on unrestricted where no number is left', options, async (t) => {
  const [denied, refused, other] = await domains(temporaryDirectory(t, 'numbers'), ['1100', 'together']);
  assert.equal(other, 0);
  assert.ok(denied! <= LAST_NUMBER && denied! > LAST_NUMBER / 4, `${denied} domains`);
  assert.equal(denied! + refused!, 1100);
});
