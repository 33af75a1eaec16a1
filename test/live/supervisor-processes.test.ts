import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { needs } from '../kit/needs.ts';
import { supervised } from '../kit/supervised.ts';

const options = needs({ supervisor: true, arch: 'x64', tools: ['python3'] });

/** A policy that keeps signals inside, and tells the supervisor to be asked although the kernel could hold it. */
const what = {
  policy:
    '[fs]\nread = ["/"]\nexec = ["/"]\nwrite = ["/dev/null"]\n[process]\nsignal = "domain"\nptrace = "allow"\n',
  groups: ['signal', 'ptrace'],
  filter: { ptrace: 'allow' },
} as const;

const PROGRAM = `
import ctypes, errno, os, signal, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
outside = int(sys.argv[1])
def call(nr, *args):
    result = libc.syscall(nr, *args)
    return 'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()]
child = subprocess.Popen(['sleep', '60'], preexec_fn=os.setpgrp)
results = {
  'kill child': call(62, child.pid, 0), 'kill outside': call(62, outside, 0), 'kill nobody': call(62, 999999, 0),
  'kill bad signal': call(62, outside, 99), 'tkill outside': call(200, outside, 0),
  'tgkill outside': call(234, outside, outside, 0),
  'pidfd child': call(424, os.pidfd_open(child.pid), 0, None, 0),
  'pidfd outside': call(424, os.pidfd_open(outside), 0, None, 0),
  'pidfd none': call(424, 0, 0, None, 0),
  'take outside': call(438, os.pidfd_open(outside), 0, 0),
  'take child': call(438, os.pidfd_open(child.pid), 0, 0),
  'attach outside': call(101, 16, outside, 0, 0),
  'compare outside': call(312, outside, os.getpid(), 1, 0, 0),
}
# A group of its own, and everybody: only sent as a question (signal 0).
results['group of child'] = call(62, -child.pid, 0)
results['group of outside'] = call(62, -os.getpgid(outside), 0)
child.kill()
for name, result in results.items(): print(name + ': ' + result)
`;

test('a policy keeps signals and tracing inside of the run', { ...options, timeout: 120_000 }, async () => {
  const outside = spawn('sleep', ['60'], { stdio: 'ignore', detached: true });
  try {
    const argv = ['python3', '-c', PROGRAM, `${outside.pid}`] as const;
    const result = await supervised(what, [...argv]);
    assert.deepEqual(result.defects, []);
    assert.equal(result.status, 0, result.stderr);
    const seen = Object.fromEntries(
      result.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': ')),
    );
    assert.deepEqual(seen, {
      'kill child': 'ok',
      'kill outside': 'EPERM',
      'kill nobody': 'ESRCH',
      'kill bad signal': 'EINVAL',
      'tkill outside': 'EPERM',
      'tgkill outside': 'EPERM',
      'pidfd child': 'ok',
      'pidfd outside': 'EPERM',
      'pidfd none': 'EBADF',
      'take outside': 'EPERM',
      'take child': 'ok',
      'attach outside': 'EPERM',
      'compare outside': 'EPERM',
      'group of child': 'ok',
      'group of outside': 'EPERM',
    });
    const denied = result.events.filter(({ operation }) => operation === 'kill');
    assert.ok(denied.some(({ missing }) => missing.includes('scope.signal')));
    assert.equal(outside.exitCode, null, 'the process outside must have lived for this test to say anything');
  } finally {
    outside.kill('SIGKILL');
  }
});
