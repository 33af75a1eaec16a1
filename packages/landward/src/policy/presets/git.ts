/** `@git`: git in a project, and over HTTPS. Opens no keys and no stored passwords. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';

export const git = definePolicy({
  description: 'git in the project, and with servers by HTTPS',
  extends: ['@shell', '@tls'],
  fs: {
    exec: [opens('parts of git', '/usr/lib/git-core', '/usr/libexec/git-core')],
    read: [
      opens('data of git', '/usr/share/git-core', '/usr/share/git', '/usr/share/perl5'),
      opens(
        'settings of git',
        '/etc/gitconfig',
        '~/.gitconfig',
        '~/.config/git/config',
        '~/.config/git/ignore',
        '~/.config/git/attributes',
      ),
    ],
    write: [opens('the project', '$project'), opens('temporary files', '$tmp')],
  },
});
