/** Mutants that are no other model, by file and mutated line, with the reason. */

export const EQUIVALENT: Readonly<Record<string, string>> = {};
