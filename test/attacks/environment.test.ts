import { attackTest } from './case.ts';
import { environmentAttacks } from './environment.ts';

for (const attack of environmentAttacks) attackTest(attack);
