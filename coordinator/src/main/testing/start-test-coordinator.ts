import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Coordinator, startCoordinator } from '../start-coordinator.ts';

/** A real coordinator on free ports with a data folder of its own, which goes with it. */
export async function startTestCoordinator(): Promise<Coordinator> {
  const dataDir = mkdtempSync(join(tmpdir(), 'qfleet-coordinator-'));
  const coordinator = await startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: ['lab.example'],
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  return {
    ...coordinator,
    [Symbol.asyncDispose]: async () => {
      await coordinator[Symbol.asyncDispose]();
      rmSync(dataDir, { recursive: true });
    },
  };
}
