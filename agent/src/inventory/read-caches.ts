import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';
import { cachesFromTable } from './cache-table.ts';
import { countCpuMap, parseCpuList } from './parse-cpu-list.ts';
import { listNames, readNumber, readText } from './read-text.ts';

/** What a table needs to know where the kernel tells no caches. */
export interface CacheHints {
  readonly soc?: string | undefined;
  readonly core?: string | undefined;
}

/**
 * Caches as reported: sysfs of every processor, each distinct cache once (big and little cores give two L1s),
 * by level, then data before instruction; else the table of `cache-table.ts`; else empty. A virtual machine
 * reports its host's caches, of which it may get only a share: the latency ladder says what it gets.
 */
export async function readCaches(root: string, hints: CacheHints): Promise<CacheInfo[]> {
  const processors = await listNames(root, cpuFolder, /^cpu\d+$/);
  const perProcessor = await Promise.all(processors.map((name) => readProcessorCaches(root, name)));
  const caches = distinct(perProcessor.flat());
  return caches.length > 0 ? caches : cachesFromTable(hints.soc, hints.core);
}

/** The data or unified cache with the largest size on a level; undefined where none is reported. */
export function dataCache(caches: readonly CacheInfo[], level: number): CacheInfo | undefined {
  const candidates = caches.filter((cache) => cache.level === level && cache.type !== 'instruction');
  return candidates.sort((a, b) => b.sizeBytes - a.sizeBytes)[0];
}

/**
 * The last-level cache: the data or unified cache of the highest level reported. Undefined where only L1 is known,
 * as from a table by core: there is more behind it.
 */
export function lastLevelCache(caches: readonly CacheInfo[]): CacheInfo | undefined {
  const levels = caches.filter((cache) => cache.type !== 'instruction').map((cache) => cache.level);
  const highest = Math.max(1, ...levels);
  return highest > 1 ? dataCache(caches, highest) : undefined;
}

const cpuFolder = 'sys/devices/system/cpu';

async function readProcessorCaches(root: string, processor: string): Promise<CacheInfo[]> {
  const folder = `${cpuFolder}/${processor}/cache`;
  const indexes = await listNames(root, folder, /^index\d+$/);
  const caches = await Promise.all(indexes.map((index) => readCache(root, `${folder}/${index}`)));
  return caches.filter((cache) => cache !== undefined);
}

async function readCache(root: string, folder: string): Promise<CacheInfo | undefined> {
  const level = await readNumber(root, `${folder}/level`);
  const type = cacheTypes[(await readText(root, `${folder}/type`)) ?? ''];
  const sizeBytes = parseSize(await readText(root, `${folder}/size`));
  // Kernels whose device tree names a cache but not its size leave `size` out: that is no cache to report.
  if (level === undefined || type === undefined || sizeBytes === undefined) return undefined;
  const lineBytes = await readNumber(root, `${folder}/coherency_line_size`);
  const ways = await readNumber(root, `${folder}/ways_of_associativity`);
  const sharedBy = await readSharedBy(root, folder);
  return {
    level,
    type,
    sizeBytes,
    ...(lineBytes !== undefined && { lineBytes }),
    ...(ways ? { ways } : {}),
    ...(sharedBy ? { sharedBy } : {}),
    source: 'sysfs',
  };
}

async function readSharedBy(root: string, folder: string): Promise<number | undefined> {
  const list = await readText(root, `${folder}/shared_cpu_list`);
  if (list !== undefined) return parseCpuList(list).length;
  const map = await readText(root, `${folder}/shared_cpu_map`);
  return map === undefined ? undefined : countCpuMap(map);
}

const cacheTypes: Readonly<Record<string, CacheInfo['type']>> = {
  Data: 'data',
  Instruction: 'instruction',
  Unified: 'unified',
};

/** `32K` is 32,768 bytes; the kernel's K and M are binary. */
function parseSize(text: string | undefined): number | undefined {
  const match = /^(\d+)([KMG]?)$/.exec(text ?? '');
  if (!match || Number(match[1]) === 0) return undefined;
  const scale = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[match[2] as '' | 'K' | 'M' | 'G'];
  return Number(match[1]) * scale;
}

function distinct(caches: readonly CacheInfo[]): CacheInfo[] {
  const byShape = new Map(caches.map((cache) => [JSON.stringify(cache), cache]));
  return [...byShape.values()].sort((a, b) => a.level - b.level || a.type.localeCompare(b.type));
}
