/**
 * The parts of JavaScript's `WebAssembly` that this room uses, with their types: it is a global of the language's hosts,
 * and the type library of browsers that declares it is not loaded here.
 *
 * Owns no behaviour.
 */

/** Linear memory of a fixed size. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

/** What makes modules and memory. */
export interface Engine {
  readonly Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
}

/** The engine of this host; `null` where it has none, as under `--jitless`: then programs are interpreted. */
export const engine: Engine | null =
  (globalThis as unknown as { readonly WebAssembly?: Engine }).WebAssembly ?? null;
