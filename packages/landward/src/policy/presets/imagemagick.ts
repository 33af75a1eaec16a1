/** `@imagemagick`: converting images. Opens no image: the policy names what is read and written. No network, no shell. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';

const PROGRAMS = ['magick', 'convert', 'identify', 'mogrify', 'montage', 'composite', 'compare'].flatMap(
  (name) => ['', '-im6.q16', '-im7.q16'].map((suffix) => `/usr/bin/${name}${suffix}`),
);

export const imagemagick = definePolicy({
  description: 'The programs of ImageMagick with fonts and colour profiles, and temporary files',
  extends: ['@base'],
  fs: {
    exec: [opens('the programs of ImageMagick', ...PROGRAMS)],
    read: [
      opens(
        'settings',
        '/etc/ImageMagick-6',
        '/etc/ImageMagick-7',
        '/usr/share/ImageMagick-6',
        '/usr/share/ImageMagick-7',
      ),
      opens(
        'fonts',
        '/usr/share/fonts',
        '/usr/local/share/fonts',
        '/etc/fonts',
        '/var/cache/fontconfig',
        '/usr/share/fontconfig',
        '/usr/share/ghostscript',
        '/var/lib/ghostscript',
      ),
      opens('colour profiles and types', '/usr/share/color', '/usr/share/mime', '/usr/share/gs-fonts'),
    ],
    write: [opens('temporary files', '$tmp')],
  },
});
