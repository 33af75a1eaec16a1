/**
 * One lookup of a path, for programs that follow lookups step by step. Made by whoever resolves the path, filled by the
 * authority, kept with the place that was found. Means nothing to anybody else.
 */
export interface Trail {
  kept?: unknown;
}
