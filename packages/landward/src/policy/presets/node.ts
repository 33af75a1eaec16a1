/** `@node`: Node.js running a program that the policy opens. Opens no project, no cache and no network. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';
import { NODE_TOOLS, STORES } from './toolchains.ts';

export const node = definePolicy({
  description: 'Node.js itself, installed by the system or by a version manager',
  extends: ['@base'],
  fs: {
    exec: [
      opens('Node.js', '/usr/bin/node', '/usr/bin/nodejs', '/usr/local/bin/node', '/opt/node', '/opt/nodejs'),
      opens('Node.js of version managers', ...NODE_TOOLS),
      opens('stores of programs for all users', ...STORES),
      opens('env, by which scripts find Node.js', '/usr/bin/env', '/bin/env'),
    ],
    read: [
      opens(
        'modules of the system',
        '/usr/share/nodejs',
        '/usr/share/node_modules',
        '/usr/lib/node_modules',
        '/usr/local/lib/node_modules',
      ),
      opens('Node.js of version managers', ...NODE_TOOLS),
      opens('stores of programs for all users', ...STORES),
      opens('Node.js outside /usr', '/opt/node', '/opt/nodejs'),
      opens('settings of Node.js', '/etc/nodejs', '/usr/include/node'),
    ],
  },
});
