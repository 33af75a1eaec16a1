/** `@proc`: the pages of all processes, for programs that cannot do without `/proc/self`. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';

export const proc = definePolicy({
  description:
    'All of /proc for reading: also the command lines of other processes, but not their memory or environment',
  fs: { read: [opens('Landlock cannot open the pages of one process alone', '/proc')] },
});
