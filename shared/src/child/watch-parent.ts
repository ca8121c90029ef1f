import { Worker } from 'node:worker_threads';
import { endsWithParentVariable } from './confine-command.ts';

/**
 * Ends this process when its parent is gone, where the kernel does not do it (`confineCommand`): a closed IPC channel
 * is seen by the event loop alone, which an inference blocks for as long as it takes. A thread of its own looks once
 * a second; nothing is started where the kernel keeps watch.
 */
export function watchParent(): void {
  if (process.env[endsWithParentVariable] === '1') return;
  new Worker(watching, { eval: true, execArgv: [], workerData: process.ppid }).unref();
}

/** JavaScript, so that the thread loads no compiler of types. */
const watching = `
  const { workerData: parent } = require('node:worker_threads');
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, 1000);
`;
