#!/usr/bin/env node
// Stands where trtexec would be, and says what a file holds (REPLAY_CONSOLE); what it was asked to
// export it writes in the documented form. REPLAY_HANG: never ends, and starts a child that does not either.
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { spawn } = require('node:child_process');

const option = (name) => process.argv.find((arg) => arg.startsWith(`--${name}=`))?.slice(name.length + 3);
if (process.env.REPLAY_LOG)
  writeFileSync(process.env.REPLAY_LOG, `${process.argv.slice(2).join(' ')}\n`, { flag: 'a' });
if (process.env.REPLAY_HANG) {
  const child = spawn('sleep', ['1000']);
  writeFileSync(process.env.REPLAY_HANG, String(child.pid));
  setInterval(() => undefined, 1000);
} else {
  const console = readFileSync(process.env.REPLAY_CONSOLE, 'utf8');
  process.stdout.write(console);
  const engine = option('saveEngine');
  if (engine) writeFileSync(engine, 'engine');
  const times = option('exportTimes');
  // The printed averages of ten queries, as if each were one.
  const averages = [...console.matchAll(/Host latency: ([\d.]+) ms/g)].map(([, ms]) => Number(ms));
  if (times)
    writeFileSync(times, JSON.stringify(averages.map((latencyMs) => ({ latencyMs, computeMs: latencyMs }))));
  const outputs = option('exportOutput');
  const [, name, bound] = /output binding for (\S+) with dimensions ([\dx]+)/.exec(console) ?? [];
  // An engine of a batch gives as many of everything.
  const batch = /:(\d+)x/.exec(option('shapes') ?? '')?.[1];
  const dimensions = batch ? bound?.replace(/^1x/, `${batch}x`) : bound;
  if (outputs && name) {
    const count = dimensions.split('x').reduce((product, size) => product * Number(size), 1);
    const values = Array.from({ length: count }, (_, i) => (i === 1 ? 'nan' : i / 4)).join(', ');
    writeFileSync(
      outputs,
      `[ { "name" : "${name}", "dimensions" : "${dimensions}", "values" : [ ${values} ] } ]`,
    );
  }
  // What a file holds, or one layer as the documentation has it.
  for (const [name, recorded, otherwise] of [
    [
      'exportProfile',
      process.env.REPLAY_PROFILE,
      '[ { "count" : 3 }, { "name" : "conv", "averageMs" : 2 } ]',
    ],
    ['exportLayerInfo', process.env.REPLAY_LAYERS, undefined],
  ]) {
    const path = option(name);
    if (path && (recorded || otherwise)) writeFileSync(path, recorded ? readFileSync(recorded) : otherwise);
  }
  const failed = /&&&& FAILED/.test(console);
  process.exitCode = failed ? 1 : 0;
}
