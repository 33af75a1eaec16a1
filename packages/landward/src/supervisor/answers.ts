/** Answers that the deciding Worker still owes, by the serial of what was asked. Owns the promises only. */

import { LandwardError } from '../errors.ts';

export class Answers<T> {
  readonly #owed = new Map<number, PromiseWithResolvers<T>>();
  #serial = 0;
  #over = false;

  /**
   * Asks.
   *
   * @param send hands the question over, under its serial
   * @throws {LandwardError} SUPERVISOR, also later, where the Worker has ended
   */
  ask(send: (serial: number) => void): Promise<T> {
    if (this.#over) return Promise.reject(ended());
    const owed = Promise.withResolvers<T>();
    const serial = ++this.#serial;
    this.#owed.set(serial, owed);
    send(serial);
    return owed.promise;
  }

  /** Whether an answer is still to come. */
  get owes(): boolean {
    return this.#owed.size > 0;
  }

  /** An answer has come. */
  heard(serial: number, answer: T): void {
    this.#owed.get(serial)?.resolve(answer);
    this.#owed.delete(serial);
  }

  /** None will come any more. */
  end(): void {
    this.#over = true;
    for (const { reject } of this.#owed.values()) reject(ended());
    this.#owed.clear();
  }
}

function ended(): LandwardError {
  return new LandwardError('SUPERVISOR', 'The supervisor has ended');
}
