/**
 * Loaded before `bin/landward.js` by `code-cache.ts`: writes what V8 has compiled of the start, again before each entry
 * into the addon, since the last of them does not return.
 */
'use strict';

const { writeFileSync } = require('node:fs');
const vm = require('node:vm');

const file = process.env.LANDWARD_CODE;
delete process.env.LANDWARD_CODE;
let script;

vm.Script = class extends vm.Script {
  constructor(...words) {
    super(...words);
    script = this;
  }
};

function write() {
  if (script !== undefined) writeFileSync(file, script.createCachedData());
}

const { dlopen } = process;
process.dlopen = (module, ...words) => {
  dlopen.call(process, module, ...words);
  const { apply } = module.exports;
  module.exports = {
    ...module.exports,
    apply(image) {
      write();
      return apply(image);
    },
  };
};
process.on('exit', write);
