/** `@nginx`: a web server. Opens ports 80, 443 and 8080 for listening and none for connecting. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';

export const nginx = definePolicy({
  description: 'nginx with its settings, pages and logs, listening on 80, 443 and 8080',
  extends: ['@base'],
  fs: {
    exec: [
      opens('nginx', '/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin'),
    ],
    read: [
      opens(
        'settings and modules',
        '/etc/nginx',
        '/usr/share/nginx',
        '/usr/local/nginx/conf',
        '/etc/letsencrypt/live',
        '/etc/letsencrypt/archive',
      ),
      opens('pages', '/var/www', '/srv/www', '/usr/local/nginx/html', '/usr/share/nginx/html'),
    ],
    write: [
      opens('logs', '/var/log/nginx', '/usr/local/nginx/logs'),
      opens('request bodies and caches', '/var/lib/nginx', '/var/cache/nginx'),
      opens('the file with the process number', '/run/nginx'),
    ],
    modify: [opens('the file with the process number', '/run/nginx.pid')],
  },
  net: {
    listen: [
      { target: 'tcp:80', because: 'HTTP' },
      { target: 'tcp:443', because: 'HTTPS' },
      { target: 'tcp:8080', because: 'HTTP without root' },
    ],
  },
});
