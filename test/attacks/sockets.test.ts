import { attackTest } from './case.ts';
import { socketAttacks } from './sockets.ts';

for (const attack of socketAttacks) attackTest(attack);
