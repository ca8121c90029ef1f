import type { Check } from './check.ts';
import { checkAgent } from './check-agent.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkCoordinator } from './check-coordinator.ts';
import { checkDataFolder } from './check-data-folder.ts';
import { checkDatabaseOfFolder } from './check-database.ts';
import { checkDevices } from './check-devices.ts';
import { checkDisk } from './check-disk.ts';
import { checkEmulator } from './check-emulator.ts';
import { checkNode } from './check-node.ts';
import { checkOnnxruntime } from './check-onnxruntime.ts';
import { checkPlatform } from './check-platform.ts';
import { checkPorts } from './check-ports.ts';

/** What `qfleet doctor` looks at, in this order. */
export const checks: readonly Check[] = [
  checkNode,
  checkPlatform,
  checkDataFolder,
  checkDatabaseOfFolder,
  checkDisk,
  checkPorts,
  checkCoordinator,
  checkCertificates,
  checkDevices,
  checkAgent,
  checkOnnxruntime,
  checkEmulator,
];
