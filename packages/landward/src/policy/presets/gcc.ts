/** `@gcc`: compiling and linking C and C++ in a project. Opens no network. */

import { definePolicy } from '../define.ts';
import { opens } from './opens.ts';
import { SECRET_VARIABLES } from './secrets.ts';

export const gcc = definePolicy({
  description: 'Compile and link C and C++ in the project with GCC or Clang, make and pkg-config',
  extends: ['@shell'],
  fs: {
    exec: [
      opens(
        'parts of compilers',
        '/usr/lib/gcc',
        '/usr/lib/gcc-cross',
        '/usr/libexec/gcc',
        '/usr/lib/llvm',
        '/usr/lib/clang',
        '/usr/lib/ccache',
        '/usr/lib/bfd-plugins',
      ),
      opens('what was compiled', '$project'),
    ],
    read: [
      opens(
        'headers',
        '/usr/include',
        '/usr/local/include',
        '/usr/x86_64-linux-gnu',
        '/usr/aarch64-linux-gnu',
      ),
      opens(
        'descriptions of libraries and build tools',
        '/usr/share/pkgconfig',
        '/usr/share/pkg-config-crosswrapper',
        '/usr/share/aclocal',
        '/usr/share/automake-1.16',
        '/usr/share/autoconf',
        '/usr/share/cmake',
        '/usr/share/libtool',
        '/usr/share/gcc',
      ),
    ],
    write: [opens('the project', '$project'), opens('temporary files', '$tmp')],
  },
  env: { scrub: SECRET_VARIABLES },
});
