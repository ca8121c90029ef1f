import { cpus } from 'node:os';
import type { Inventory } from '@qfleet/shared/inventory/inventory.ts';
import { type Cpuinfo, parseCpuinfo } from './parse-cpuinfo.ts';
import { readBoard } from './read-board.ts';
import { readCaches } from './read-caches.ts';
import { type Emulation, readEmulation } from './read-emulation.ts';
import { readMemory } from './read-memory.ts';
import { readOs } from './read-os.ts';
import { readSystem, type SystemFacts } from './read-system.ts';
import { listNames, readNumber, readText } from './read-text.ts';
import { readVirtualization } from './read-virtualization.ts';

/** Long enough for a Pi 3 that is still starting its services to start one process more. */
const systemTimeoutMs = 15_000;

/**
 * What this device says of itself. `root` is `/`; another folder holds the recorded /proc and /sys of another
 * machine, of which only those files are read; what they do not hold stays this process's own. Files
 * are read directly; for the machine's maker and its hypervisor systeminformation is asked, on the real root of
 * a real processor alone, for an emulated one would be told about its host.
 */
export async function readInventory(root = '/'): Promise<Inventory> {
  const emulated = root === '/' ? await readOwnEmulation(root) : undefined;
  const cpuinfo = await readCpuinfo(root);
  const asksSystem = root === '/' && emulated === undefined;
  const system = asksSystem ? await readSystem(systemTimeoutMs) : {};
  const { soc, model } = await readBoard(root, cpuinfo);
  const board = model ?? system.model;
  const virtualization = await describeVirtualization(root, cpuinfo, system, emulated);
  const { totalBytes } = await readMemory(root);
  return {
    schema: 'qfleet.inventory/1',
    ...(await readOs(root)),
    ...(board !== undefined && { board }),
    architecture: process.arch,
    cpu: await describeCpu(root, cpuinfo),
    caches: await readCaches(root, { soc, core: cpuinfo.core }),
    memoryBytes: totalBytes,
    nodeVersion: process.versions.node,
    ...(virtualization !== undefined && { virtualization }),
    ...(emulated !== undefined && { emulated }),
  };
}

/** Whether this very process is emulated, by its environment and its traces. */
function readOwnEmulation(root: string): Promise<Emulation | undefined> {
  return readEmulation(root, {
    architecture: process.arch,
    declared: process.env['QFLEET_EMULATED'],
    qemuCpu: process.env['QEMU_CPU'],
  });
}

/** /proc/cpuinfo of `root`; where there is none, Node's own view of the processors. */
export async function readCpuinfo(root: string): Promise<Cpuinfo> {
  const text = await readText(root, 'proc/cpuinfo');
  if (text !== undefined) return parseCpuinfo(text);
  const processors = cpus();
  return {
    processors: Math.max(1, processors.length),
    coreIds: [],
    model: processors[0]?.model ?? 'unknown',
    features: [],
  };
}

async function describeCpu(root: string, cpuinfo: Cpuinfo): Promise<Inventory['cpu']> {
  const maxFrequencyHz = await readMaxFrequency(root);
  return {
    model: cpuinfo.model,
    ...(cpuinfo.core !== undefined && { core: cpuinfo.core }),
    ...(cpuinfo.vendor !== undefined && { vendor: cpuinfo.vendor }),
    processors: cpuinfo.processors,
    features: [...cpuinfo.features],
    ...(maxFrequencyHz !== undefined && { maxFrequencyHz }),
  };
}

/** The highest of all processors, Hz; undefined without cpufreq, as in most virtual machines. */
async function readMaxFrequency(root: string): Promise<number | undefined> {
  const folder = 'sys/devices/system/cpu';
  const names = await listNames(root, folder, /^cpu\d+$/);
  const readings = names.map((name) => readNumber(root, `${folder}/${name}/cpufreq/cpuinfo_max_freq`));
  const frequenciesKhz = (await Promise.all(readings)).filter((khz) => khz !== undefined);
  return frequenciesKhz.length > 0 ? Math.max(...frequenciesKhz) * 1000 : undefined;
}

/** An emulated processor's virtualization is its emulation; the host's would be somebody else's. */
async function describeVirtualization(
  root: string,
  cpuinfo: Cpuinfo,
  system: SystemFacts,
  emulated: Emulation | undefined,
): Promise<string | undefined> {
  if (emulated) return undefined;
  return readVirtualization(root, { hypervisor: system.hypervisor, features: cpuinfo.features });
}
