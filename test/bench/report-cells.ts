import { syntheticEvidence } from '../../coordinator/src/analysis/synthetic-evidence.ts';
import { buildReport } from '../../coordinator/src/report/build-report.ts';
import type { Benchmark } from './benchmark.ts';

const devices = 200;
const launches = 6;
const samplesPerLaunch = 167;
/** 1,000 devices × 10 variants. */
const goalCells = 10_000;

/** A report over many devices, computed from its raw samples; how long that would take for ten million. */
export const reportCells: Benchmark = {
  id: 'report-cells',
  title: `a report over ${devices} devices × 3 variants × 1,000 samples, and what that makes for 10 million`,
  run: async ({ progress }) => {
    const places = Array.from({ length: devices }, (_, i) => ({
      deviceId: `device-${i}`,
      backendId: 'onnxruntime-cpu',
      latencyNs: 1e6 * (1 + i / devices),
      latencyFactors: [1, 0.5, 0.6],
      inputs: 100,
    }));
    const evidence = syntheticEvidence({ places, launches, samplesPerLaunch });
    progress('computing');
    const start = performance.now();
    const { cells } = buildReport(evidence);
    const seconds = (performance.now() - start) / 1000;
    const perCell = seconds / cells.length;
    return [
      { name: 'report-cells.seconds', value: seconds, unit: 's' },
      { name: 'report-cells.per-cell', value: 1000 * perCell, unit: 'ms' },
      {
        name: 'report-cells.ten-million-samples',
        value: perCell * goalCells,
        unit: 's',
        goal: { is: 'at most', limit: 5 },
      },
      { name: 'report-cells.memory', value: process.memoryUsage().rss / 1e6, unit: 'MB' },
    ];
  },
};
