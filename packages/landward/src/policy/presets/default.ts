/**
 * `@default`: what `landward run -- command` holds without any policy. The system can be read and run, the project and
 * temporary files written; nothing else of home, no network, and no variable that looks like a secret.
 */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';
import { SECRET_PLACES, SECRET_VARIABLES } from './secrets.ts';
import { HOME_TOOLS } from './toolchains.ts';

export const fallback = definePolicy({
  description: 'Run the system, write the project and temporary files; nothing else of home, no network',
  extends: ['@shell'],
  fs: {
    exec: [
      opens('programs of the system', '/usr', '/opt'),
      opens('tool chains in home', ...HOME_TOOLS),
      opens('programs of the project', '$project'),
    ],
    read: [
      opens('the system', '/usr', '/opt'),
      opens('tool chains in home', ...HOME_TOOLS),
      opens(
        'settings of programs, none of them secret',
        '/etc/fonts',
        '/etc/gitconfig',
        '/etc/npmrc',
        '/etc/pip.conf',
        '/etc/python3',
        '/etc/java-21-openjdk',
        '/etc/java-17-openjdk',
        '/etc/ImageMagick-6',
        '/etc/ImageMagick-7',
        '/etc/xdg',
        '/etc/vim',
        '/etc/nanorc',
        '/etc/lsb-release',
        '/etc/redhat-release',
        '/etc/alpine-release',
        '/etc/wgetrc',
        '/etc/emacs',
      ),
      opens('settings of git', '~/.gitconfig', '~/.config/git/config', '~/.config/git/ignore'),
    ],
    write: [opens('the project', '$project'), opens('temporary files', '$tmp', '/dev/shm')],
    deny: [
      {
        path: SECRET_PLACES,
        because: 'keys and tokens stay closed, also where the project is the home directory',
      },
    ],
  },
  env: { scrub: SECRET_VARIABLES },
});
