/**
 * What a row of the requirements is. The rows themselves are in the files beside this one, a file for each design
 * discussion; their numbers are the ones that issues, tests and docs use.
 */

/** How a row can be shown: in user space, by a supervisor, in the model, or on a page; `K` alone needs a kernel. */
export type Tag = 'U' | 'B' | 'model' | 'D' | 'K';

/** A row: how it can be shown, what it asks for in one sentence, and for `D` the page and the words of the heading that answer it. */
export interface Row {
  readonly tags: readonly Tag[];
  readonly what: string;
  readonly page?: { readonly file: string; readonly heading: string };
}

export type Rows = Readonly<Record<string, Row>>;

/** A page of docs/ and one of its headings. */
export function page(file: string, heading: string): NonNullable<Row['page']> {
  return { file: `docs/${file}.md`, heading };
}
