import { calibrationSection } from './calibration-section.ts';
import { placeOutputsSection, placeSpeedSection } from './comparison-section.ts';
import { compatibilitySection, differingLayersSection, slowInt8Section } from './compatibility-section.ts';
import { correctnessSection } from './correctness-section.ts';
import { costSection } from './cost-section.ts';
import { countersSection, rooflineSection } from './counters-section.ts';
import {
  cachesSection,
  ladderSection,
  machinesSection,
  memorySection,
  probeSection,
} from './devices-section.ts';
import { flipsSection } from './flips-section.ts';
import { Footnotes } from './footnotes.ts';
import { latencyPredictionsSection } from './latency-predictions-section.ts';
import { layerCheckSection } from './layer-check-section.ts';
import { layersSection } from './layers-section.ts';
import { fingerprintSection, predictionsSection } from './numerics-section.ts';
import { operatorsSection } from './operators-section.ts';
import { pairRanksSection, pairsSection } from './pairs-sections.ts';
import { provenanceSection, resultsSection } from './provenance-section.ts';
import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { speedSection } from './speed-section.ts';
import { stripControl } from './strip-control.ts';
import { sustainedSection } from './sustained-section.ts';
import { recommendationSection, transferVerdictsSection } from './transfer-verdict-sections.ts';

/** Everything that the formats for people show, in order. */
export interface ReportText {
  readonly title: string;
  readonly subtitle: string;
  readonly findings: readonly string[];
  readonly sections: readonly Section[];
  /** What happened that the reader should know: notes of the run, jobs that failed. */
  readonly notes: readonly string[];
  /** Why numbers are missing and verdicts are what they are, by the codes in the tables. */
  readonly footnotes: readonly { readonly code: string; readonly text: string }[];
}

type SectionBuilder = (report: Report, footnotes: Footnotes) => Section;

/** In the order in which they are read. */
const sectionBuilders: readonly SectionBuilder[] = [
  speedSection,
  correctnessSection,
  costSection,
  rooflineSection,
  countersSection,
  sustainedSection,
  placeSpeedSection,
  placeOutputsSection,
  pairsSection,
  pairRanksSection,
  flipsSection,
  calibrationSection,
  transferVerdictsSection,
  recommendationSection,
  predictionsSection,
  latencyPredictionsSection,
  compatibilitySection,
  slowInt8Section,
  fingerprintSection,
  machinesSection,
  memorySection,
  cachesSection,
  probeSection,
  ladderSection,
  layerCheckSection,
  differingLayersSection,
  operatorsSection,
  layersSection,
  provenanceSection,
  resultsSection,
];

/** The report as text, one content for the terminal, Markdown and the page; without `details` as the terminal shows it. */
export function buildSections(report: Report, { details = true } = {}): ReportText {
  const footnotes = new Footnotes();
  const sections = sectionBuilders.flatMap((build): Section[] => {
    const mark = footnotes.mark();
    const section = build(report, footnotes);
    if (section.table.rows.length > 0 && (details || !section.isDetail)) return [section];
    footnotes.forget(mark);
    return [];
  });
  return {
    title: `qfleet report: ${stripControl(report.model.name)}`,
    subtitle: subtitleOf(report),
    findings: report.findings.map(stripControl),
    sections,
    notes: notesOf(report).map(stripControl),
    footnotes: footnotes.list(),
  };
}

function subtitleOf(report: Report): string {
  const { run, variants, places, devices, dataset } = report;
  const parts = [
    `run ${run.name || run.id}, ${run.state}`,
    `${count(variants.length, 'variant')} in ${count(places.length, 'place')} on ${count(devices.length, 'device')}`,
    dataset ? `dataset ${dataset.name}, ${evaluatedText(dataset)}` : 'no dataset',
    new Date(run.createdAtMs).toISOString(),
  ];
  return stripControl(parts.join(' · '));
}

/** How many inputs the answers were judged on, which is seldom all that the dataset has. */
function evaluatedText({ count: all, evaluated }: NonNullable<Report['dataset']>): string {
  if (!evaluated) return `none of ${all} inputs evaluated`;
  const { least, most } = evaluated;
  return least === all
    ? `${all} inputs`
    : `${least === most ? most : `${least} to ${most}`} of ${all} inputs evaluated`;
}

function notesOf({ run, jobs, devices }: Report): string[] {
  const nameOf = (id: string): string => devices.find((device) => device.id === id)?.name ?? id;
  return [
    ...(run.reason ? [`The run ended ${run.state}: ${run.reason}`] : []),
    ...run.notes,
    ...jobs
      .filter((job) => job.state !== 'completed')
      .map((job) => {
        const why = job.failure ? `: ${job.failure.class}: ${job.failure.message}` : '';
        const hint = job.failure?.hint ? ` (${job.failure.hint})` : '';
        return `A ${job.kind} job on ${nameOf(job.deviceId)} is ${job.state}${why}${hint}`;
      }),
  ];
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
