/** What a run of trtexec is to say on its console; what is left out is not printed. */
export interface ConsoleText {
  /** As trtexec prints it in its first and last line, `8201`. */
  readonly versionDigits: string;
  readonly command: string;
  readonly device?: { readonly name: string; readonly computeCapability: string };
  readonly warnings?: readonly string[];
  readonly buildSec?: number;
  readonly bindings?: readonly {
    readonly role: 'input' | 'output';
    readonly name: string;
    readonly dims: string;
  }[];
  readonly queries?: number;
  /** Averages of ten queries each, host latency in milliseconds. */
  readonly averagesMs?: readonly number[];
  readonly latencyMs: Summary;
  readonly computeMs: Summary;
  readonly throughputPerSec: number;
}

interface Summary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  readonly p99: number;
}

/** The console text of trtexec 8.0 to 8.5, with the lines that matter and some that do not. */
export function printConsole(text: ConsoleText): string {
  const { versionDigits, command, device, warnings = [], buildSec, bindings = [], averagesMs = [] } = text;
  const banner = (word: string): string =>
    `&&&& ${word} TensorRT.trtexec [TensorRT v${versionDigits}] # ${command}`;
  const info = [
    ...(device
      ? [
          '=== Device Information ===',
          `Selected Device: ${device.name}`,
          `Compute Capability: ${device.computeCapability}`,
          'Memory Bus Width: 64 bits (ECC disabled)',
          '',
        ]
      : []),
    ...(buildSec === undefined ? [] : [`Engine built in ${buildSec} sec.`]),
    ...bindings.flatMap(({ role, name, dims }) => [
      `Using random values for ${role} ${name}`,
      `Created ${role} binding for ${name} with dimensions ${dims}`,
    ]),
    ...(text.queries === undefined ? [] : [`Timing trace has ${text.queries} queries over 3.16419 s`]),
    ...averagesMs.map(
      (ms) => `Average on 10 runs - GPU latency: ${ms - 0.3} ms - Host latency: ${ms} ms (enqueue 5.6 ms)`,
    ),
    '=== Performance summary ===',
    `Throughput: ${text.throughputPerSec} qps`,
    `Latency: ${summary(text.latencyMs)}`,
    `End-to-End Host Latency: ${summary(text.latencyMs)}`,
    `GPU Compute Time: ${summary(text.computeMs)}`,
    'Total Host Walltime: 3.16419 s',
    'Explanations of the performance metrics are printed in the verbose logs.',
  ];
  const stamp = '[07/14/2023-11:55:18]';
  return [
    ...(device ? [banner('RUNNING')] : []),
    ...warnings.map((line) => `${stamp} [W] ${line}`),
    ...info.map((line) => `${stamp} [I] ${line}`),
    `${banner('PASSED')}\n`,
  ].join('\n');
}

function summary({ min, max, mean, median, p99 }: Summary): string {
  return `min = ${min} ms, max = ${max} ms, mean = ${mean} ms, median = ${median} ms, percentile(99%) = ${p99} ms`;
}

/** A lane detector in float32 on a Jetson Nano with TensorRT 8.2.1, with its figures. */
export const nanoConsole: string = printConsole({
  versionDigits: '8201',
  command:
    'trtexec --workspace=2048 --onnx=weights/culane_18-INT32.onnx --saveEngine=weights/culane_18-INT32.engine',
  device: { name: 'NVIDIA Tegra X1', computeCapability: '5.3' },
  warnings: ['[TRT] onnx2trt_utils.cpp:366: Your ONNX model has been generated with INT64 weights.'],
  buildSec: 184.708,
  bindings: [
    { role: 'input', name: 'input', dims: '1x3x288x800' },
    { role: 'output', name: 'output', dims: '1x201x18x4' },
  ],
  queries: 35,
  averagesMs: [90.4484, 90.4585, 90.2251],
  latencyMs: { min: 89.312, max: 91.492, mean: 90.3919, median: 90.3035, p99: 91.492 },
  computeMs: { min: 89.0273, max: 91.2045, mean: 90.1061, median: 90.0183, p99: 91.2045 },
  throughputPerSec: 11.0613,
});

/** A detector in float16, its engine loaded instead of built, on a Jetson Nano with TensorRT 8.0.1. */
export const loadedEngineConsole: string = printConsole({
  versionDigits: '8001',
  command: 'trtexec --loadEngine=/root/yolo/best_deepstream.onnx_b1_gpu0_fp16.engine --iterations=100 --fp16',
  device: { name: 'NVIDIA Tegra X1', computeCapability: '5.3' },
  bindings: [
    { role: 'input', name: 'input', dims: '1x3x640x640' },
    { role: 'output', name: 'output', dims: '1x8400x6' },
  ],
  queries: 100,
  averagesMs: [40.6451, 40.6483],
  latencyMs: { min: 40.5005, max: 40.8591, mean: 40.6326, median: 40.6337, p99: 40.8591 },
  computeMs: { min: 39.8569, max: 40.1931, mean: 40.0027, median: 39.9982, p99: 40.1931 },
  throughputPerSec: 24.5583,
});

/** The end alone of a run with `--best`, as people paste it. */
export const summaryConsole: string = printConsole({
  versionDigits: '8201',
  command: '/usr/src/tensorrt/bin/trtexec --onnx=best.onnx --saveEngine=here.engine --best',
  latencyMs: { min: 13.7075, max: 14.8861, mean: 13.8259, median: 13.7999, p99: 14.8121 },
  computeMs: { min: 13.5784, max: 14.7576, mean: 13.6963, median: 13.6698, p99: 14.6803 },
  throughputPerSec: 72.2544,
});
