#!/usr/bin/env node
// The command as npm links it, in the oldest JavaScript: a Node that cannot run TypeScript must still be able to
// read this and say so in one line.
'use strict';
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    'qfleet: needs Node 24, this is ' +
      process.version +
      ' (' +
      process.execPath +
      '). ' +
      'npm brings the right one: run `npm ci` in the project, then start it there as ./qfleet.\n',
  );
  process.exitCode = 78;
} else {
  keepCompiled();
  import('./main.ts');
}

// TypeScript comes out of Node's compile cache without its types: to strip them loads a WebAssembly compiler of 18 MB
// that stays, here and in every child. In the user's own folder, not in /tmp, where others could leave code for us.
function keepCompiled() {
  var join = require('node:path').join;
  var caches = process.env.XDG_CACHE_HOME || join(require('node:os').homedir(), '.cache');
  var folder = process.env.NODE_COMPILE_CACHE || join(caches, 'qfleet', 'compiled');
  if (require('node:module').enableCompileCache(folder).directory !== undefined)
    process.env.NODE_COMPILE_CACHE = folder;
}
