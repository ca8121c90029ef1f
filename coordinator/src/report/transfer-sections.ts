import { median } from '@qfleet/shared/statistics/median.ts';
import { meanCoverage, predictionMethods } from '../transfer/predict/evaluate-methods.ts';
import { oneSource } from '../transfer/predict/one-source.ts';
import { methodsWithoutAnchors } from '../transfer/predict/without-anchors.ts';
import { workMethods } from '../transfer/predict/work-methods.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';
import type { ReportText } from './build-sections.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';

/** Rows of a table for people: with more pairs or networks the rest is in the JSON. */
const maxRows = 60;

/** The report of imported measurements as text, one content for the terminal, Markdown and the page. */
export function buildTransferText(report: TransferReport): ReportText {
  const sections = [
    systemsSection(report),
    speedUpsSection(report),
    slowerSection(report),
    lossSection(report),
    ranksSection(report),
    transferSection(report),
    inversionsSection(report),
    predictionSection(report),
    newNetworksSection(report),
  ].filter(({ table }) => table.rows.length > 0);
  const { source, kind, systems, speedUps } = report;
  const networks = new Set(speedUps.flatMap((one) => one.networks.map(({ network }) => network))).size;
  return {
    title: `qfleet report: ${kind}, imported from ${stripControl(source.name)}`,
    subtitle: `${systems.length} systems · ${networks} networks in two number formats · not measured by qfleet · content ${source.digest.slice(0, 12)}`,
    findings: findingsOf(report).map(stripControl),
    sections,
    notes: report.notes.map(stripControl),
    footnotes: [],
  };
}

function findingsOf({ speedUps, pairs, predictions }: TransferReport): string[] {
  const pays = speedUps.map(
    ({ system, precision, networks, median: middle, slower }) =>
      `${system}: ${precision} is ${middle.toFixed(2)} times as fast as fp32 (median of ${networks.length} networks)${
        slower.length > 0 ? `; ${slower.length} ${slower.length === 1 ? 'is' : 'are'} slower` : ''
      }.`,
  );
  const taus = pairs.flatMap(({ tau }) => tau ?? []);
  const ranks =
    taus.length > 0
      ? [
          `Ranks of networks agree between systems by Kendall’s τ-b from ${Math.min(...taus).toFixed(2)} to ${Math.max(...taus).toFixed(2)}.`,
        ]
      : [];
  const three = predictions.filter(({ anchors }) => anchors === 3);
  const best = three
    .filter(({ method }) => method !== oneSource.id)
    .toSorted((a, b) => a.median - b.median)[0];
  const baseline = three.find(({ method }) => method === oneSource.id);
  const told =
    best && baseline
      ? [
          `From three networks measured on a new board, ${best.method} tells the others within ${percent(best.median)} (median over boards held out; the baseline, one other system scaled, ${percent(baseline.median)}).`,
        ]
      : [];
  return [...(pays.length <= maxRows ? pays : pays.slice(0, maxRows)), ...ranks, ...told];
}

function systemsSection({ systems }: TransferReport): Section {
  return section('systems', 'Systems', 'As the source describes them.', {
    titles: ['system', 'board', 'runtime', '#results'],
    rows: systems
      .slice(0, maxRows)
      .map(({ id, board, runtime, results }) => [id, board, runtime, String(results)]),
  });
}

function speedUpsSection({ speedUps }: TransferReport): Section {
  return section(
    'speed-ups',
    'Does quantizing pay?',
    'Time of fp32 over time of the quantized twin, on the same system: the median over networks, the least and the most.',
    {
      titles: ['system', 'format', '#networks', '#median', '#least', '#most', '#slower'],
      rows: speedUps
        .slice(0, maxRows)
        .map(({ system, precision, networks, median: middle, slower }) => [
          system,
          precision,
          String(networks.length),
          middle.toFixed(2),
          networks[0]!.speedUp.toFixed(2),
          networks.at(-1)!.speedUp.toFixed(2),
          String(slower.length),
        ]),
    },
  );
}

function slowerSection({ speedUps }: TransferReport): Section {
  const rows = speedUps.flatMap(({ system, precision, networks }) =>
    networks
      .filter(({ speedUp }) => speedUp < 1)
      .map(({ network, speedUp }) => [system, precision, network, speedUp.toFixed(2)]),
  );
  return section(
    'slower',
    'Slower when quantized',
    `Networks that take longer than in fp32, the worst first by system${rows.length > 2 * maxRows ? '; the first of them' : ''}.`,
    { titles: ['system', 'format', 'network', '#speed-up'], rows: rows.slice(0, 2 * maxRows) },
    true,
  );
}

function lossSection({ accuracyLosses }: TransferReport): Section {
  const groups = Map.groupBy(accuracyLosses, ({ system, precision }) => `${system}\n${precision}`);
  return section(
    'losses',
    'Accuracy lost',
    'Top-1 of fp32 minus that of the quantized twin on the same system, percentage points.',
    {
      titles: ['system', 'format', '#networks', '#median', '#worst', 'worst network', '#inputs'],
      rows: [...groups.values()].slice(0, maxRows).map((group) => {
        const worst = group.reduce((most, one) => (one.points > most.points ? one : most));
        return [
          worst.system,
          worst.precision,
          String(group.length),
          median(group.map(({ points }) => points)).toFixed(2),
          worst.points.toFixed(2),
          worst.network,
          String(worst.inputs),
        ];
      }),
    },
  );
}

function ranksSection({ pairs }: TransferReport): Section {
  const ranked = pairs.filter(({ tau, rho }) => tau !== undefined || rho !== undefined);
  return section(
    'ranks',
    'Do systems rank networks alike?',
    'Kendall’s τ-b (latencies within 2 % tied) with its 95 % interval over networks, and Spearman’s ρ; none under 5 items, no interval under 10.',
    {
      titles: ['system', 'and', '#items', '#τ-b', 'interval', '#ρ'],
      rows: ranked
        .slice(0, maxRows)
        .map(({ first, second, items, tau, tauInterval, rho }) => [
          first,
          second,
          String(items),
          tau?.toFixed(3) ?? '-',
          tauInterval ? `${tauInterval.low.toFixed(2)} … ${tauInterval.high.toFixed(2)}` : '-',
          rho?.toFixed(3) ?? '-',
        ]),
    },
  );
}

function transferSection({ pairs }: TransferReport): Section {
  const rows = pairs.flatMap(({ first, second, ratio, speedUpTransfer }) =>
    speedUpTransfer
      ? [
          [
            first,
            second,
            `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} … ${ratio.high.toFixed(2)})`,
            speedUpTransfer.median.toFixed(2),
            percent(speedUpTransfer.within10),
            String(speedUpTransfer.networks),
          ],
        ]
      : [],
  );
  return section(
    'transfer',
    'Does the speed-up transfer?',
    'Latency on the second over that on the first, median and middle half over what both measured; and the second’s speed-up by quantizing over the first’s: 1 where it transfers, and the share of networks within 10 % of that.',
    {
      titles: ['first', 'second', 'latency ratio', '#speed-up ratio', '#within 10 %', '#networks'],
      rows: rows.slice(0, maxRows),
    },
  );
}

function inversionsSection({ pairs }: TransferReport): Section {
  const rows = pairs.flatMap(({ first, second, inversions }) =>
    inversions
      .slice(0, 2)
      .map(({ faster, slower, factor }) => [first, second, faster, slower, factor.toFixed(2)]),
  );
  return section(
    'inversions',
    'Ordered otherwise elsewhere',
    'A network that is faster than another on the first system and slower on the second, by at least this factor on both.',
    { titles: ['first', 'second', 'faster there', 'than', '#by'], rows: rows.slice(0, maxRows) },
    true,
  );
}

function predictionSection({ predictions }: TransferReport): Section {
  const described = new Map(
    [...methodsWithoutAnchors, oneSource, ...predictionMethods].map(({ id, description }) => [
      id,
      description,
    ]),
  );
  return section(
    'predictions',
    'What a few networks tell of the others',
    'Each system was held out with all others on its board, some networks (anchors) were taken as measured there, and the rest told from the other systems. Anchors are chosen without the target; no network of an anchor is scored. Error: |told / measured − 1|, median over networks, then over systems. Inside: share of networks within the stated 90 % interval.',
    {
      titles: [
        '#anchors',
        'method',
        '#median error',
        '#worst system',
        '#other families',
        '#inside',
        '#systems',
        'how',
      ],
      rows: predictions.map((errors) => [
        String(errors.anchors),
        errors.method,
        percent(errors.median),
        percent(errors.worst),
        percent(medianOf(errors.systems.map(({ medianErrorOtherFamilies }) => medianErrorOtherFamilies))),
        percent(meanCoverage(errors)),
        String(errors.systems.length),
        described.get(errors.method) ?? '',
      ]),
    },
  );
}

function newNetworksSection({ newNetworks }: TransferReport): Section {
  return section(
    'new-networks',
    'What a network’s work tells of it before any board runs it',
    'Each network was held out with all its number formats and told, system by system, from other networks there and from published figures of its multiply-accumulates and parameters. Error: |told / measured − 1|, median over networks, then over systems. Other families: its whole family was held out.',
    {
      titles: ['method', '#median error', '#worst system', '#other families', '#systems', 'how'],
      rows: newNetworks.map((errors) => [
        errors.method,
        percent(errors.median),
        percent(errors.worst),
        percent(errors.medianOtherFamilies),
        String(errors.systems.length),
        workMethods.find(({ id }) => id === errors.method)?.description ?? '',
      ]),
    },
  );
}

function medianOf(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.length > 0 ? median(known) : Number.NaN;
}

/** A title that begins with # is of a column of numbers. */
function section(
  id: string,
  title: string,
  lead: string,
  table: { readonly titles: readonly string[]; readonly rows: readonly (readonly string[])[] },
  isDetail = false,
): Section {
  return {
    id,
    title,
    lead,
    table: {
      columns: table.titles.map((name) => ({
        title: name.replace(/^#/, ''),
        numeric: name.startsWith('#'),
      })),
      rows: table.rows.map((row) => row.map(stripControl)),
    },
    ...(isDetail && { isDetail }),
  };
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)} %`;
}
