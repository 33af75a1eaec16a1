/** Denials as landward writes them: one JSON object a line (`event.ts`), such as `--json` prints and the registry keeps. */

import { eventFromJson } from '../event.ts';
import { LineFormat } from './line-format.ts';

/** The format of JSON lines. Items keep the teller that they name. */
export class JsonFormat extends LineFormat {
  constructor() {
    super('supervisor');
  }

  override claims(line: string): boolean {
    return line.trim() !== '';
  }

  override line(line: string): void {
    if (line.trim() === '') return;
    const read = eventFromJson(parsed(Buffer.from(line, 'latin1').toString('utf8')));
    if (read.ok) this.tell({ kind: 'denial', event: read.value });
    else this.loss('malformed', 1, read.reason, line);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
