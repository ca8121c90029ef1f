import { createRandom } from '@qfleet/shared/random.ts';

/** How one made-up system times every network: its factor on the work, and what int8 gains. */
interface MadeUpSystem {
  readonly id: string;
  readonly board: string;
  readonly framework: string;
  /** Nanoseconds for a unit of work; larger networks cost a little less for each. */
  readonly nsPerWork: number;
  readonly exponent: number;
  /** fp32 time / int8 time of the network with that number. */
  readonly speedUp: (network: number) => number;
}

/** Slow boards gain by int8, the fast one loses by it on most networks (first) or on all (second). */
export const madeUpSystems: readonly MadeUpSystem[] = [
  {
    id: 'slow-board-tflite',
    board: 'Slow board',
    framework: 'TFLite v2.7.1',
    nsPerWork: 4e8,
    exponent: 0.97,
    speedUp: (i) => (i === 0 ? 0.98 : 1.2 + i / 100),
  },
  {
    id: 'medium-board-armnn',
    board: 'Medium board',
    framework: 'ArmNN v21.11 (Neon)',
    nsPerWork: 1.2e8,
    exponent: 0.94,
    speedUp: (i) => 1.6 + i / 100,
  },
  {
    id: 'medium-board-tflite',
    board: 'Medium board',
    framework: 'TFLite v2.7.1',
    nsPerWork: 1.5e8,
    exponent: 0.95,
    speedUp: (i) => 2.5 + i / 100,
  },
  {
    id: 'fast-board-armnn',
    board: 'Fast board',
    framework: 'ArmNN v21.11 (Neon)',
    nsPerWork: 3e7,
    exponent: 0.88,
    speedUp: (i) => (i < 4 ? 1.1 : 0.85),
  },
  {
    id: 'fast-board-tflite',
    board: 'Fast board',
    framework: 'TFLite v2.7.1',
    nsPerWork: 3.5e7,
    exponent: 0.9,
    speedUp: (i) => 0.7 + i / 100,
  },
];

const widths = ['0.25', '0.5', '0.75', '1.0'];
const sizes = ['128', '160', '192', '224'];

/** MobileNetV1 in every width and size that its authors published; work grows with the squares of both. */
export const madeUpNetworks: readonly { readonly name: string; readonly work: number }[] = widths.flatMap(
  (width) =>
    sizes.map((size) => ({
      name: `mobilenet-v1-${width}-${size}`,
      work: Number(width) ** 2 * (Number(size) / 224) ** 2,
    })),
);

/**
 * A submission to MLPerf Inference as it is published, path → text: systems, and for every network LoadGen's summary and
 * the accuracy file of the float and of the int8 form. Times vary by 2 % about their model.
 */
export function makeMlperfSubmission(): Readonly<Record<string, string>> {
  const random = createRandom(5);
  const files: Record<string, string> = {};
  for (const system of madeUpSystems) {
    const { id, board, framework, nsPerWork, exponent, speedUp } = system;
    files[`open/Someone/systems/${id}.json`] = JSON.stringify({ system_name: board, framework });
    for (const [i, { name, work }] of madeUpNetworks.entries()) {
      const float = nsPerWork * work ** exponent * (0.98 + random.next() * 0.04);
      const times = { 'non-quantized': float, quantized: float / speedUp(i) };
      for (const [form, latencyNs] of Object.entries(times)) {
        const folder = `open/Someone/results/${id}/${name}-${form}/singlestream`;
        files[`${folder}/performance/run_1/mlperf_log_summary.txt`] = printSummary(Math.round(latencyNs));
        const good = form === 'quantized' ? 30_000 + i : 30_100 + i;
        files[`${folder}/accuracy/accuracy.txt`] = `accuracy=60.2%, good=${good}, total=50000\nhash=0123\n`;
      }
    }
  }
  return files;
}

/** LoadGen's summary of a valid single-stream run of 1,024 queries. */
function printSummary(meanNs: number): string {
  return [
    'MLPerf Results Summary',
    'Scenario : SingleStream',
    'Mode     : PerformanceOnly',
    'Result is : VALID',
    'Early Stopping Result:',
    ' * Processed at least 64 queries (1024).',
    '',
    `Mean latency (ns)                : ${meanNs}`,
    `90.00 percentile latency (ns)   : ${Math.round(meanNs * 1.1)}`,
    '',
  ].join('\n');
}
