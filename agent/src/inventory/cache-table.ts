import type { CacheInfo } from '@qfleet/shared/inventory/inventory.ts';

/**
 * Caches of SoCs whose kernels often tell none, source `table:<compatible>`; else what the core's design
 * fixes for every SoC, source `table:<core>`; else empty. Older Raspberry Pi and Jetson kernels print "Unable
 * to detect cache hierarchy", since their device trees have no cache nodes.
 */
export function cachesFromTable(soc: string | undefined, core: string | undefined): CacheInfo[] {
  const bySoc = soc === undefined ? undefined : socCaches[soc];
  if (bySoc) return bySoc.map((cache) => ({ ...cache, source: `table:${soc}` }));
  const byCore = core === undefined ? undefined : coreCaches[core];
  return (byCore ?? []).map((cache) => ({ ...cache, source: `table:${core}` }));
}

type TableCache = Omit<CacheInfo, 'source'>;

function cache(
  level: number,
  type: CacheInfo['type'],
  sizeKiB: number,
  shape: { ways: number; sharedBy: number },
): TableCache {
  return { level, type, sizeBytes: sizeKiB * 1024, lineBytes: 64, ...shape };
}

/**
 * bcm2836, bcm2837, bcm2711, bcm2712: the cache nodes that Linux' `arch/arm*` device trees have today.
 * tegra210: the L2 and L1 nodes of `tegra210.dtsi` and the Cortex-A57 manual.
 */
const socCaches: Readonly<Record<string, readonly TableCache[]>> = {
  'brcm,bcm2836': [
    cache(1, 'data', 32, { ways: 4, sharedBy: 1 }),
    cache(1, 'instruction', 32, { ways: 2, sharedBy: 1 }),
    cache(2, 'unified', 512, { ways: 8, sharedBy: 4 }),
  ],
  'brcm,bcm2837': [
    cache(1, 'data', 32, { ways: 4, sharedBy: 1 }),
    cache(1, 'instruction', 32, { ways: 2, sharedBy: 1 }),
    cache(2, 'unified', 512, { ways: 16, sharedBy: 4 }),
  ],
  'brcm,bcm2711': [
    cache(1, 'data', 32, { ways: 2, sharedBy: 1 }),
    cache(1, 'instruction', 48, { ways: 3, sharedBy: 1 }),
    cache(2, 'unified', 1024, { ways: 16, sharedBy: 4 }),
  ],
  'brcm,bcm2712': [
    cache(1, 'data', 64, { ways: 4, sharedBy: 1 }),
    cache(1, 'instruction', 64, { ways: 4, sharedBy: 1 }),
    cache(2, 'unified', 512, { ways: 8, sharedBy: 1 }),
    cache(3, 'unified', 2048, { ways: 16, sharedBy: 4 }),
  ],
  'nvidia,tegra210': [
    cache(1, 'data', 32, { ways: 2, sharedBy: 1 }),
    cache(1, 'instruction', 48, { ways: 3, sharedBy: 1 }),
    cache(2, 'unified', 2048, { ways: 16, sharedBy: 4 }),
  ],
};

/** The L1 caches of cores whose manuals leave no choice; the L2's size is always the SoC's. */
const coreCaches: Readonly<Record<string, readonly TableCache[]>> = {
  'Cortex-A57': [
    cache(1, 'data', 32, { ways: 2, sharedBy: 1 }),
    cache(1, 'instruction', 48, { ways: 3, sharedBy: 1 }),
  ],
  'Cortex-A72': [
    cache(1, 'data', 32, { ways: 2, sharedBy: 1 }),
    cache(1, 'instruction', 48, { ways: 3, sharedBy: 1 }),
  ],
  'Cortex-A76': [
    cache(1, 'data', 64, { ways: 4, sharedBy: 1 }),
    cache(1, 'instruction', 64, { ways: 4, sharedBy: 1 }),
  ],
};
