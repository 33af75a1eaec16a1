/**
 * What the maps of a run's policy programs held at its end: how programs that only watch tell what they have seen.
 *
 * Owns the shape. Names are foreign text: escape them before they are shown.
 */

/** The maps of one file of programs. */
export interface ProgramMaps {
  /** The file's name. */
  readonly program: string;
  readonly maps: readonly MapContent[];
}

/** The entries of one map: of an array those that are not zero. Inode maps, which programs cannot change, are left out. */
export interface MapContent {
  readonly name: string;
  readonly entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
}
