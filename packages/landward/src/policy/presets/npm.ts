/** `@npm`: npm in a project, with lifecycle scripts. Does not open `~/.npmrc`, which may hold a token. */

import { definePolicy } from '../define.ts';
import { makes, opens } from './opens.ts';
import { SECRET_VARIABLES } from './secrets.ts';

export const npm = definePolicy({
  description: 'npm install, ci and run in the project, with the registry reachable by TLS',
  extends: ['@node', '@shell', '@tls'],
  fs: {
    read: [
      opens('settings of npm', '/etc/npmrc', '/usr/etc/npmrc', '/usr/local/etc/npmrc', '/usr/share/npm'),
    ],
    write: [
      opens('the project, its packages and workspaces', '$project'),
      makes('the cache and the logs of npm', '~/.npm'),
      opens('headers and caches of native packages', '~/.cache/node-gyp', '~/.node-gyp', '~/.cache/node'),
      opens('temporary files', '$tmp'),
    ],
    exec: [
      opens(
        'npm, npx and programs that were installed for all',
        '/usr/lib/node_modules',
        '/usr/local/lib/node_modules',
        '/usr/share/nodejs',
        '/usr/share/npm',
      ),
      opens('programs and native modules of packages', '$project'),
    ],
  },
  env: { scrub: SECRET_VARIABLES },
});
