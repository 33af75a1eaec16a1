/** `@shell`: a shell and the programs of the system. Opens no part of home and no network. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';
import { STORES } from './toolchains.ts';

export const shell = definePolicy({
  description: 'A shell and the programs of the system, with a terminal',
  extends: ['@base'],
  fs: {
    exec: [
      opens(
        'programs of the system',
        '/bin',
        '/sbin',
        '/usr/bin',
        '/usr/sbin',
        '/usr/local/bin',
        '/usr/local/sbin',
      ),
      opens('stores of programs for all users', ...STORES),
      opens('programs that other programs start', '/usr/libexec', '/usr/local/libexec'),
      opens('the interpreter of coreutils in one binary', '/usr/lib/cargo/bin/coreutils'),
    ],
    read: [
      opens(
        'names of programs',
        '/bin',
        '/sbin',
        '/usr/bin',
        '/usr/sbin',
        '/usr/local/bin',
        '/usr/local/sbin',
      ),
      opens('stores of programs for all users', ...STORES),
      opens(
        'settings of shells',
        '/etc/profile',
        '/etc/profile.d',
        '/etc/bash.bashrc',
        '/etc/bashrc',
        '/etc/inputrc',
        '/etc/shells',
        '/etc/zsh',
        '/etc/alternatives',
      ),
      opens(
        'descriptions of terminals',
        '/etc/terminfo',
        '/lib/terminfo',
        '/usr/share/terminfo',
        '/usr/share/tabset',
      ),
      opens(
        'data of text tools',
        '/usr/share/misc',
        '/etc/magic',
        '/etc/mime.types',
        '/usr/share/awk',
        '/usr/share/perl',
        '/usr/share/perl5',
        '/etc/perl',
        '/usr/share/file',
      ),
    ],
    device: [opens('the terminal that the program has; other terminals stay closed', '/dev/tty')],
  },
});
