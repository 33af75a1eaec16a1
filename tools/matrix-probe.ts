/** Inside of a matrix machine: what Landlock this kernel has, as one line of JSON. */

import { attempt } from '../packages/landward/src/kernel/call.ts';
import { CREATE_RULESET } from '../packages/landward/src/uapi/landlock.ts';

const abi = attempt('landlock_create_ruleset', null, 0, CREATE_RULESET.VERSION);
const errata = attempt('landlock_create_ruleset', null, 0, CREATE_RULESET.ERRATA);
console.log(JSON.stringify({ abi, errata }));
