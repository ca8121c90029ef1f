import { createRandom } from '@qfleet/shared/random.ts';
import { compareSystems } from '../../coordinator/src/transfer/compare-systems.ts';
import type { Grid } from '../../coordinator/src/transfer/grid.ts';
import { speedUps } from '../../coordinator/src/transfer/speed-ups.ts';
import type { Benchmark } from './benchmark.ts';

const devices = 300;
const models = 100;
const runs = 3;

/** All pairs of a fleet of devices over a hundred models: ratios, rank agreement, transfer of speed-ups. */
export const transferMatrix: Benchmark = {
  id: 'transfer-matrix',
  title: `the matrix of ${devices} devices × ${models} models`,
  run: async ({ progress }) => {
    const grid = drawGrid();
    const seconds: number[] = [];
    for (let run = 0; run < runs; run++) {
      progress(`run ${run + 1} of ${runs}`);
      const start = performance.now();
      compareSystems(grid, { reference: 'fp32', subject: 'int8', randomOf: () => createRandom(1) });
      speedUps(grid, 'fp32', 'int8');
      seconds.push((performance.now() - start) / 1000);
    }
    return [
      { name: 'transfer-matrix', value: Math.min(...seconds), unit: 's', goal: { is: 'at most', limit: 2 } },
    ];
  },
};

function drawGrid(): Grid {
  const random = createRandom(1);
  const items = Array.from({ length: models }, (_, i) => ({
    network: `network-${i >> 1}`,
    precision: i % 2 === 0 ? 'fp32' : 'int8',
  }));
  const logs = Array.from({ length: devices }, () => Float64Array.from(items, () => 15 + 3 * random.next()));
  return { items, logs, systems: logs.map((_, i) => ({ id: `device-${i}`, board: `board-${i}` })) };
}
