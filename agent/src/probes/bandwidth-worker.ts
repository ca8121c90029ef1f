import { parentPort, workerData } from 'node:worker_threads';
import { type BandwidthThreadData, runBandwidthThread } from './run-bandwidth-thread.ts';

// Entry of a bandwidth probe's thread.

runBandwidthThread(workerData as BandwidthThreadData, (message) => parentPort?.postMessage(message));
