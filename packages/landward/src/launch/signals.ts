/** Signal names and numbers of this system, both ways. */

import { constants } from 'node:os';

/** Numbers by name. */
export const SIGNALS: Readonly<Record<string, number>> = constants.signals;

const names = new Map(Object.entries(SIGNALS).map(([name, number]) => [number, name as NodeJS.Signals]));

/** The name of a signal; real-time signals have only numbers and come as `SIGRT<number>`. */
export function signalName(number: number): NodeJS.Signals {
  return names.get(number) ?? (`SIGRT${number}` as NodeJS.Signals);
}
