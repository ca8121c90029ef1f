/** `npm run bench`: what the project costs and carries, as a table or JSON. Nothing here fails for being slow. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { aaLaunches } from './aa-launches.ts';
import type { BenchContext, Benchmark } from './benchmark.ts';
import { blobThroughput } from './blob-throughput.ts';
import { commitRate } from './commit-rate.ts';
import { describeMachine } from './describe-machine.ts';
import { type Figure, judgeGoal } from './figure.ts';
import { formatFigures } from './format-figures.ts';
import { harnessOverhead } from './harness-overhead.ts';
import { idleAgent } from './idle-agent.ts';
import { largeFleet } from './large-fleet/large-fleet.ts';
import { noopCost } from './noop-cost.ts';
import { pointerChase } from './pointer-chase.ts';
import { quantizerSpeed } from './quantizers/quantizer-speed.ts';
import { reportCells } from './report-cells.ts';
import { stream } from './stream.ts';
import { transferMatrix } from './transfer-matrix.ts';

// Read by ONNX Runtime when it loads: without it, it uploads telemetry.
process.env['ORT_DISABLE_TELEMETRY'] = '1';

const benchmarks: readonly Benchmark[] = [
  harnessOverhead,
  noopCost,
  aaLaunches,
  blobThroughput,
  commitRate,
  idleAgent,
  largeFleet,
  stream,
  pointerChase,
  quantizerSpeed,
  transferMatrix,
  reportCells,
];

const usage = `npm run bench -- [options]
  --only a,b       of ${benchmarks.map(({ id }) => id).join(', ')}
  --rounds N       rounds of interleaved launches (12)
  --devices N      devices in large-fleet (3000)
  --pairs N        pairs of equal variants in aa-launches (10)
  --threads N      threads inside an operator; 0: one for each processor (1)
  --seed N         of orders and intervals (1)
  --json FILE      writes the figures there too
  -o table|json    what goes to standard output (table)
`;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '12' },
    devices: { type: 'string', default: '3000' },
    pairs: { type: 'string', default: '10' },
    threads: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    output: { type: 'string', short: 'o', default: 'table' },
    help: { type: 'boolean', short: 'h' },
  },
});

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));

if (options.help) process.stdout.write(usage);
else await runAll(chosen(options.only));

async function runAll(ids: readonly Benchmark[]): Promise<void> {
  const machine = describeMachine();
  const figures: Figure[] = [];
  for (const benchmark of ids) figures.push(...(await runOne(benchmark)));
  const document = {
    schema: 'qfleet.bench/1',
    machine,
    figures: figures.map((figure) => ({ ...figure, verdict: judgeGoal(figure) })),
  };
  const json = `${JSON.stringify(document, null, 2)}\n`;
  if (options.json !== undefined) await writeFile(options.json, json);
  process.stdout.write(options.output === 'json' ? json : formatFigures(machine, figures));
}

async function runOne(benchmark: Benchmark): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'qfleet-bench-'));
  process.stderr.write(`${benchmark.id}: ${benchmark.title}\n`);
  const context: BenchContext = {
    folder,
    rounds: wholeNumber('rounds', options.rounds, 1),
    devices: wholeNumber('devices', options.devices, 1),
    pairs: wholeNumber('pairs', options.pairs, 1),
    threads: wholeNumber('threads', options.threads, 0),
    seed: wholeNumber('seed', options.seed, 0),
    progress: (text) => process.stderr.write(`  ${text}\n`),
    signal: interrupted.signal,
  };
  try {
    return await benchmark.run(context);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function chosen(only: string | undefined): Benchmark[] {
  const ids = only?.split(',') ?? benchmarks.map(({ id }) => id);
  return ids.map(
    (id) => benchmarks.find((benchmark) => benchmark.id === id) ?? refuse(`no benchmark "${id}"`),
  );
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  return refuse(`--${name}: expected a whole number from ${least} on, got "${text}"`);
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n${usage}`);
  process.exit(2);
}
