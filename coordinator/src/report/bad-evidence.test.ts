import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestBytes } from '@qfleet/shared/digest.ts';
import type { EvaluateFacts, JobResult, MeasureFacts, ProbeFacts } from '@qfleet/shared/result/job-result.ts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { RunEvidence } from '../analysis/evidence.ts';
import { type SyntheticPlace, syntheticEvidence } from '../analysis/synthetic-evidence.ts';
import { buildReport } from './build-report.ts';
import { formatCsv } from './format-csv.ts';
import { formatHtml } from './format-html.ts';
import { formatJson } from './format-json.ts';
import { formatMarkdown } from './format-markdown.ts';
import { formatTable } from './format-table.ts';
import type { Report } from './report.ts';
import { reportJsonSchema } from './report-json-schema.ts';

const good: SyntheticPlace = { deviceId: 'good', backendId: 'onnxruntime-cpu', inputs: 40 };
const bad: SyntheticPlace = { deviceId: 'bad', backendId: 'onnxruntime-cpu', inputs: 40 };
const validate = new Ajv2020({ strict: false }).compile(reportJsonSchema());
const sound = syntheticEvidence({ places: [good, bad] });
const soundReport = buildReport(sound);

/** The facts of each kind of outcome. */
interface Facts {
  probe: ProbeFacts;
  measure: MeasureFacts;
  evaluate: EvaluateFacts;
}

/** The evidence with what `bad` handed in of one kind changed. */
function spoil<Kind extends keyof Facts>(
  kind: Kind,
  change: (facts: Facts[Kind], blobs: Map<string, Uint8Array>) => Facts[Kind],
): RunEvidence {
  const blobs = new Map(sound.blobs);
  const results = sound.results.map((one) => {
    const { outcome } = one.result;
    if (one.deviceId !== 'bad' || outcome.kind !== kind) return one;
    const facts = change(outcome.facts as Facts[Kind], blobs);
    return { ...one, result: { ...one.result, outcome: { kind, facts } as JobResult['outcome'] } };
  });
  return { ...sound, results, blobs };
}

/** Stores a changed copy of a blob; its digest. */
function changeBlob(
  blobs: Map<string, Uint8Array>,
  digest: string | undefined,
  change: (bytes: Buffer) => Buffer,
): string {
  const bytes = change(Buffer.from(blobs.get(digest ?? '') ?? []));
  const changed = digestBytes(bytes);
  blobs.set(changed, bytes);
  return changed;
}

const shorten = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 3);
const empty = (): Buffer => Buffer.alloc(0);

function fillSamples(value: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += 8) bytes.writeDoubleLE(value, at);
    return bytes;
  };
}

function withSamples(change: (bytes: Buffer) => Buffer): RunEvidence {
  return spoil('measure', (facts, blobs) => ({
    ...facts,
    samplesBlob: changeBlob(blobs, facts.samplesBlob, change),
  }));
}

function withTopK(change: (bytes: Buffer) => Buffer): RunEvidence {
  return spoil('evaluate', (facts, blobs) => ({
    ...facts,
    topK: facts.topK && { ...facts.topK, blob: changeBlob(blobs, facts.topK.blob, change) },
  }));
}

const huge = Number.MAX_SAFE_INTEGER;

const badTimings: Record<string, RunEvidence> = {
  'the samples blob is empty': withSamples(empty),
  'the samples blob is gone': spoil('measure', (facts) => ({ ...facts, samplesBlob: digestBytes('gone') })),
  'samples are NaN': withSamples(fillSamples(Number.NaN)),
  'samples are infinite': withSamples(fillSamples(Number.POSITIVE_INFINITY)),
  'samples are negative': withSamples(fillSamples(-5)),
  'samples are zero': withSamples(fillSamples(0)),
  'samples are longer than the world is old': withSamples(fillSamples(1e300)),
  'launches count more samples than there can be': spoil('measure', (facts) => ({
    ...facts,
    launches: facts.launches.map((launch) => ({ ...launch, sampleOffset: huge, timedCount: huge })),
  })),
};

const badOutputs: Record<string, RunEvidence> = {
  'the top-k blob is shorter than its count': withTopK(shorten),
  'the top-k blob is empty': withTopK(empty),
  'the top-k blob is gone': spoil('evaluate', (facts) => ({
    ...facts,
    topK: facts.topK && { ...facts.topK, blob: digestBytes('gone') },
  })),
  'k is more than there can be': spoil('evaluate', (facts) => ({
    ...facts,
    topK: facts.topK && { ...facts.topK, k: huge },
  })),
  'the raw outputs are shorter than their count': spoil('evaluate', (facts, blobs) => ({
    ...facts,
    comparison: { ...facts.comparison, blob: changeBlob(blobs, facts.comparison.blob, shorten) },
  })),
  'more inputs than asked for were evaluated': spoil('evaluate', ({ topK: _, ...facts }) => ({
    ...facts,
    count: huge,
  })),
  'more inputs than there are were not finite': spoil('evaluate', (facts) => ({
    ...facts,
    nonFiniteInputs: huge,
  })),
};

const others: Record<string, RunEvidence> = {
  'the samples blob is shorter than the last launch says': withSamples(shorten),
  'raw outputs are NaN': spoil('evaluate', (facts, blobs) => ({
    ...facts,
    comparison: {
      ...facts.comparison,
      blob: changeBlob(blobs, facts.comparison.blob, (bytes) => {
        for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE(Number.NaN, at);
        return bytes;
      }),
    },
  })),
  'outputs have a shape beyond counting': spoil('evaluate', (facts) => ({
    ...facts,
    outputs: facts.outputs.map((output) => ({ ...output, shape: [huge, huge, huge] })),
  })),
  'once-a-launch values are absurd': spoil('measure', (facts) => ({
    ...facts,
    launches: facts.launches.map((launch) => ({
      ...launch,
      peakMemoryBytes: -7,
      cpuTimeNs: 1.7e308,
      createNs: 1.7e308,
      environmentBefore: {
        atUnixMs: -1,
        frequencyHz: -1,
        temperatureMilliC: 1.7e308,
        busyTicks: -1.7e308,
        load1: -9,
      },
      environmentAfter: {
        atUnixMs: -1,
        frequencyHz: 1.7e308,
        temperatureMilliC: -1.7e308,
        busyTicks: 1.7e308,
      },
    })),
  })),
  'probe readings are absurd': spoil('probe', (facts) => ({
    readings: facts.readings.map((reading) =>
      reading.status === 'unavailable' ? reading : { ...reading, value: -1.7e308 },
    ),
    latencyLadder: [
      { workingSetBytes: 0, loadNs: -1 },
      { workingSetBytes: huge, loadNs: 1.7e308 },
      { workingSetBytes: 1024, loadNs: 1e-308 },
    ],
  })),
  'the probe has no readings': spoil('probe', () => ({ readings: [], latencyLadder: [] })),
};

function cellsOf(report: Report, deviceId: string): Report['cells'] {
  return report.cells.filter((cell) => cell.deviceId === deviceId);
}

describe('what one device got wrong', () => {
  for (const [what, evidence] of Object.entries({ ...badTimings, ...badOutputs, ...others })) {
    test(`${what}: every format is written, and the other device's figures are what they were`, () => {
      const report = buildReport(evidence);
      const json: unknown = JSON.parse(formatJson(report));
      assert.ok(validate(json), JSON.stringify(validate.errors?.slice(0, 3)));
      for (const format of [formatCsv, formatHtml, formatMarkdown, formatTable]) {
        const text = format(report);
        assert.doesNotMatch(text, /\b(NaN|undefined|Infinity)\b(?! or infinite| or an infinity)/);
      }
      assert.equal(report.places.find(({ isReference }) => isReference)?.deviceId, 'good');
      const withoutPeers = (cells: Report['cells']) => cells.map(({ numerics: _, ...cell }) => cell);
      assert.deepEqual(withoutPeers(cellsOf(report, 'good')), withoutPeers(cellsOf(soundReport, 'good')));
      assert.ok(cellsOf(report, 'good').every(({ numerics }) => numerics.verdict === 'sound'));
    });
  }

  for (const [what, evidence] of Object.entries(badTimings)) {
    test(`${what}: the timing is unavailable as bad evidence`, () => {
      for (const cell of cellsOf(buildReport(evidence), 'bad')) {
        const reading = cell.readings['latency.p50'];
        assert.ok(reading?.status === 'unavailable', JSON.stringify(reading));
        assert.match(reading.reason, /^bad-evidence: /);
        assert.equal(cell.timing.verdict, 'insufficient');
        assert.equal(cell.readings['accuracy.top1']?.status, 'measured', 'its outputs still count');
      }
    });
  }

  for (const [what, evidence] of Object.entries(badOutputs)) {
    test(`${what}: the outputs are unavailable as bad evidence`, () => {
      for (const cell of cellsOf(buildReport(evidence), 'bad')) {
        const reading = cell.readings['accuracy.top1'];
        assert.ok(reading?.status === 'unavailable', JSON.stringify(reading));
        assert.match(reading.reason, /^bad-evidence: /);
        assert.equal(cell.numerics.verdict, 'missing');
        assert.match(cell.numerics.reasons[0]?.detail ?? '', /^bad-evidence: /);
        assert.equal(cell.readings['latency.p50']?.status, 'measured', 'its timing still counts');
      }
    });
  }
});
