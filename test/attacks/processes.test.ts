import { attackTest } from './case.ts';
import { processAttacks } from './processes.ts';

for (const attack of processAttacks) attackTest(attack);
