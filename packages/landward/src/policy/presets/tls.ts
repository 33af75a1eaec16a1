/** `@tls`: connections to TLS servers by name. */

import { definePolicy } from '../define.ts';

export const tls = definePolicy({
  description: 'Connections to port 443 of any host, and name lookup by TCP',
  extends: ['@base'],
  net: {
    connect: [
      { target: 'tcp:443', because: 'TLS servers; the kernel tells ports apart, not hosts' },
      { target: 'tcp:53', because: 'name lookup by TCP, since UDP cannot be told apart before Linux 7.2' },
    ],
  },
  env: { set: { RES_OPTIONS: 'use-vc' } },
});
