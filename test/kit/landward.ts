/** The command line from its sources, whether or not a build lies beside them: tests must run what is written. */

import { start } from '../../packages/landward/src/cli/main.ts';

await start();
