/**
 * Converts one image with ImageMagick, which has had many holes: it may read this one image and write to this one
 * directory, and has no network. A picture that takes it over gets nothing else.
 *
 *     node -C landward-source examples/convert-image/convert.ts photo.png out/photo.jpg
 */

import { dirname, resolve } from 'node:path';
import { spawn } from 'landward';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) {
  console.error('usage: convert.ts FROM TO');
  process.exit(2);
}

const { stderr, report } = await spawn('convert', [resolve(from), resolve(to)], {
  policy: {
    extends: ['@imagemagick'],
    fs: { read: [resolve(from)], write: [dirname(resolve(to))] },
  },
});
console.log(`converted; Landlock ABI ${report?.abi}, the policy is enforced ${report?.state}`);
if (stderr) console.error(stderr);
