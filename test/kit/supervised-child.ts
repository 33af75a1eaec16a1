/** The other end of `supervised` with a `uid`: reads what to run from standard input, writes the result as one line of JSON. */

import { readFileSync } from 'node:fs';
import { reviveJson, supervised } from './supervised.ts';

const { what, argv, options } = JSON.parse(readFileSync(0, 'utf8'), reviveJson);
const result = await supervised(what, argv, options);
const text = JSON.stringify(result, (_, value) =>
  typeof value === 'bigint' ? { bigint: `${value}` } : value,
);
process.stdout.write(`\n${text}\n`);
