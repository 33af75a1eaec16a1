/** `@curl`: fetching by HTTP and HTTPS. Opens no part of home and no project. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';

export const curl = definePolicy({
  description: 'curl and wget with servers on ports 80 and 443',
  extends: ['@base', '@tls'],
  fs: {
    exec: [opens('curl and wget', '/usr/bin/curl', '/usr/bin/wget', '/bin/curl', '/bin/wget')],
    read: [opens('settings of wget', '/etc/wgetrc', '/usr/share/publicsuffix')],
  },
  net: { connect: [{ target: 'tcp:80', because: 'HTTP servers' }] },
});
