import { attackTest } from './case.ts';
import { fileAttacks } from './files.ts';

for (const attack of fileAttacks) attackTest(attack);
