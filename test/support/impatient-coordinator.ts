// A coordinator whose leases and heartbeats are so short that a test can wait for them to run out:
// node impatient-coordinator.ts DATA_FOLDER AGENT_PORT
import { once } from 'node:events';
import { createLogger } from '@qfleet/shared/logger.ts';
import { startCoordinator } from '../../coordinator/src/main/start-coordinator.ts';

const [dataDir = '', port = '0'] = process.argv.slice(2);
const controller = new AbortController();
process.once('SIGTERM', () => controller.abort());
await using _coordinator = await startCoordinator({
  dataDir,
  api: { host: '127.0.0.1', port: 0 },
  fleet: { host: '127.0.0.1', port: Number(port) },
  publicHosts: [],
  allowedHosts: [],
  logger: createLogger({ name: 'coordinator', level: 'info' }),
  fleetOptions: {
    leaseMs: 1500,
    heartbeatIntervalMs: 300,
    pollIntervalMs: 100,
    progressIntervalMs: 100,
    patienceMs: 2000,
  },
});
process.stderr.write('ready\n');
await once(controller.signal, 'abort');
