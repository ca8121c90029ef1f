import { median } from '@qfleet/shared/statistics/median.ts';
import { findTwins, type Grid } from './grid.ts';

/** How quantizing pays on one system, over networks. */
export interface SystemSpeedUps {
  readonly system: string;
  /** Speed-up of each network, reference time over subject time, the least first. */
  readonly networks: readonly { readonly network: string; readonly speedUp: number }[];
  readonly median: number;
  /** Networks that are slower quantized. */
  readonly slower: readonly string[];
}

/** Speed-up of one number format over another by system; systems that measured no network in both are left out. */
export function speedUps(grid: Grid, reference: string, subject: string): SystemSpeedUps[] {
  const twins = findTwins(grid, reference, subject);
  return grid.systems.flatMap(({ id }, row) => {
    const logs = grid.logs[row]!;
    const networks = twins
      .map((twin) => ({
        network: twin.network,
        speedUp: Math.exp(logs[twin.reference]! - logs[twin.subject]!),
      }))
      .filter(({ speedUp }) => Number.isFinite(speedUp))
      .sort((a, b) => a.speedUp - b.speedUp);
    if (networks.length === 0) return [];
    return [
      {
        system: id,
        networks,
        median: median(networks.map(({ speedUp }) => speedUp)),
        slower: networks.filter(({ speedUp }) => speedUp < 1).map(({ network }) => network),
      },
    ];
  });
}
