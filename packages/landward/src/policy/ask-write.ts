/** A request to the model as a question in words: the inverse of `ask.ts`. */

import type { Request } from '../model/rules.ts';
import { PATH_OPERATIONS } from './ask.ts';
import { quote } from './expand.ts';
import { sortedRights } from './verbs.ts';

/**
 * Writes a request as a question that `readQuestion` reads again.
 *
 * @example
 * writeQuestion({ kind: 'scope', scope: 'scope.signal' }); // 'signal'
 */
export function writeQuestion(request: Request): string {
  switch (request.kind) {
    case 'path': {
      const { rights, path, directory } = request;
      const wanted = sortedRights(rights).join(',');
      const operation = Object.entries(PATH_OPERATIONS).find(
        ([name, row]) =>
          !(name === 'write' && directory) &&
          sortedRights(directory ? row.directory : row.file).join(',') === wanted,
      );
      return `${operation?.[0] ?? wanted} ${onePath(path, directory)}`;
    }
    case 'refer':
      return `${request.operation} ${onePath(request.from, request.directory)} -> ${onePath(request.to, request.directory)}`;
    case 'net': {
      const { right, port, address, name } = request;
      const host = name ?? (address?.includes(':') ? `[${address}]` : address);
      return `${right} ${host === undefined ? '' : `${host}:`}${port}`;
    }
    case 'unix': {
      const operation = request.operation === 'connect' ? 'connect' : 'listen';
      return `${operation} ${request.abstract === undefined ? onePath(request.path ?? '/', false) : `@${request.abstract}`}`;
    }
    case 'scope':
      return request.scope === 'scope.signal' ? 'signal' : request.scope;
  }
}

function onePath(path: string, directory: boolean | undefined): string {
  return `${quote(path)}${directory && path !== '/' ? '/' : ''}`;
}
