/** `@python`: Python in a project, with virtual environments and pip. Does not open `~/.pypirc`. */

import { definePolicy } from '../define.ts';
import { makes, opens } from './opens.ts';
import { SECRET_VARIABLES } from './secrets.ts';
import { PYTHON_TOOLS } from './toolchains.ts';

export const python = definePolicy({
  description: 'Python in the project, with venv and pip, with the index reachable by TLS',
  extends: ['@shell', '@tls'],
  fs: {
    exec: [
      opens('Python of version managers', ...PYTHON_TOOLS),
      opens('programs of virtual environments', '$project'),
    ],
    read: [
      opens('Python of version managers', ...PYTHON_TOOLS),
      opens(
        'modules of the system',
        '/usr/share/python3',
        '/usr/share/python-wheels',
        '/etc/python3',
        '/usr/share/pyshared',
        '/usr/include',
      ),
      opens('settings of pip', '/etc/pip.conf', '/etc/xdg/pip'),
    ],
    write: [
      opens('the project and its virtual environments', '$project'),
      makes('the cache of pip', '$cache/pip'),
      opens('temporary files', '$tmp'),
    ],
  },
  env: { scrub: SECRET_VARIABLES },
});
