/** Foreign text for what `launch` and the commands print. Owned by `model/escape.ts`, which every room may import. */

export { escapeText, quote, shellWord } from '../model/escape.ts';
