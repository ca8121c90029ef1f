import { QfleetError } from '@qfleet/shared/errors.ts';
import { type Command, InvalidArgumentError } from 'commander';
import { judgeIntegerShare } from '../../gate/judge-integer-share.ts';
import { type Report, reportSchema } from '../../report/report.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

interface CompatOptions extends GlobalOptions {
  readonly output: string;
  readonly minInteger?: number;
  readonly layers?: boolean;
}

type Entry = Report['compatibility'][number];
interface Row extends Entry {
  readonly device: string;
  readonly backend: string;
  readonly variant: string;
  readonly isQuantized: boolean;
}

interface LayerRow {
  readonly layer: string;
  readonly operator: string;
  readonly kernels: Readonly<Record<string, string>>;
}

/** `qfleet compat`: which layers of each variant run on integers, place by place. */
export function addCompatCommand(program: Command, context: CliContext): void {
  const command = withOutput(
    program
      .command('compat [run]')
      .description(
        'which layers run on integers, device by device, and where not as expected (default: latest)',
      )
      .option('--layers', 'layer by layer instead: the kernel in each place')
      .option(
        '--min-integer <share>',
        'exit 6 where a quantized variant has less of its multiply-accumulates on integers, 0 … 1',
        parseShare,
      ),
  ).action(async (run = 'latest') => {
    const options = command.optsWithGlobals<CompatOptions>();
    const format = parseFormat(options.output);
    const client = await connectToCoordinator(context, options);
    const text = await client.getText(`/v1/runs/${encodeURIComponent(run)}/report?format=json`);
    const report = reportSchema.parse(JSON.parse(text));
    const rows = rowsOf(report);
    if (options.layers) {
      const layers = layersOf(report);
      printRows(context, format, layerColumns(layers), layers);
    } else printRows(context, format, columns, rows);
    requireIntegers(rows, options.minInteger, (line) => say(context, line));
  });
  withExample(command, './qfleet compat latest --min-integer 0.9');
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('Expected a share between 0 and 1.');
}

function rowsOf(report: Report): Row[] {
  return report.compatibility.flatMap((entry) => {
    const cell = report.cells.find(({ id }) => id === entry.cellId);
    const variant = report.variants.find(({ digest }) => digest === cell?.variant.digest);
    if (!cell) return [];
    const { deviceName: device, backend } = cell;
    const isQuantized = variant !== undefined && variant.granularity !== 'none';
    return [{ ...entry, device, backend: backend.id, variant: cell.variant.name, isQuantized }];
  });
}

/** Throws `gate-not-met` where a quantized variant misses the share, or where of none it is known. */
function requireIntegers(rows: readonly Row[], least: number | undefined, say: (line: string) => void): void {
  if (least === undefined) return;
  const judged = rows
    .filter(({ isQuantized }) => isQuantized)
    .map((row) => ({ row, ...judgeIntegerShare(row, least) }));
  for (const { row, outcome, detail } of judged) {
    if (outcome !== 'passed') say(`${row.variant} on ${row.device}, ${row.backend}: ${detail}`);
  }
  const known = judged.filter(({ outcome }) => outcome !== 'skipped');
  const failing = known.filter(({ outcome }) => outcome === 'failed');
  if (known.length === 0) {
    throw new QfleetError('gate-not-met', 'Of no quantized variant is it known what ran on integers.', {
      hint: 'Time the run with an operator profile, or evaluate it, on a backend that records one.',
    });
  }
  if (failing.length === 0) return;
  throw new QfleetError(
    'gate-not-met',
    `${failing.length} of ${known.length} quantized variants of which it is known have less than ${percent(least)} of their multiply-accumulates on integers.`,
  );
}

/** Every layer once, with the kernel that took it in each place of each variant. */
function layersOf(report: Report): LayerRow[] {
  const rows = new Map<string, { operator: string; kernels: Record<string, string> }>();
  for (const entry of rowsOf(report)) {
    const cell = report.cells.find(({ id }) => id === entry.cellId);
    for (const { name, operator, type, kind } of cell?.layers ?? []) {
      const row = rows.get(name) ?? { operator, kernels: {} };
      row.kernels[`${entry.variant} on ${entry.device}, ${entry.backend}`] = `${type}, ${kind}`;
      rows.set(name, row);
    }
  }
  return [...rows].map(([layer, row]) => ({ layer, ...row }));
}

function layerColumns(rows: readonly LayerRow[]): Column<LayerRow>[] {
  const places = [...new Set(rows.flatMap(({ kernels }) => Object.keys(kernels)))];
  return [
    { title: 'layer', cell: ({ layer }) => layer },
    { title: 'operator', cell: ({ operator }) => operator },
    ...places.map(
      (place): Column<LayerRow> => ({ title: place, cell: ({ kernels }) => kernels[place] ?? '–' }),
    ),
  ];
}

const columns: Column<Row>[] = [
  { title: 'device', cell: ({ device }) => device },
  { title: 'backend', cell: ({ backend }) => backend },
  { title: 'variant', cell: ({ variant }) => variant },
  {
    title: 'layers on integers',
    align: 'right',
    cell: ({ layers, reason }) =>
      layers.integer + layers.float > 0
        ? `${layers.integer} of ${layers.integer + layers.float}`
        : (reason ?? '–'),
    raw: ({ layers }) => layers.integer,
  },
  {
    title: 'expected',
    align: 'right',
    cell: ({ expectedInteger }) => (expectedInteger === undefined ? '–' : String(expectedInteger)),
    raw: ({ expectedInteger }) => expectedInteger,
  },
  {
    title: 'of MACs',
    align: 'right',
    cell: ({ macShare }) => (macShare === undefined ? '–' : percent(macShare)),
    raw: ({ macShare }) => macShare,
  },
  {
    title: 'conversions',
    align: 'right',
    cell: ({ converts }) => String(converts),
    raw: ({ converts }) => converts,
  },
  {
    title: 'otherwise than expected',
    cell: ({ surprises }) => surprises.map(({ layer, found }) => `${layer}: ${found}`).join(', ') || '–',
  },
];

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
