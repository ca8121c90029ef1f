#!/usr/bin/env node
// The command as npm links it, in the oldest JavaScript: a Node that cannot run TypeScript must still be able to
// read this and say so in one line.
'use strict';
var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    'qfleet-agent: needs Node 24, this is ' +
      process.version +
      ' (' +
      process.execPath +
      '). ' +
      'npm brings the right one: run `npm ci` in the project, then start it there as ./qfleet-agent.\n',
  );
  process.exitCode = 78;
} else {
  require('./save-memory.cjs').saveMemory({ staysLong: process.argv[2] === 'run' });
  import('./run-cli.ts').then((cli) => cli.runCli(process.argv.slice(2)));
}
