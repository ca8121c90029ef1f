import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingValue } from '@qfleet/shared/reading.ts';
import type { EvaluateFacts } from '@qfleet/shared/result/job-result.ts';
import { buildReport } from '../report/build-report.ts';
import type { Cell } from './cell.ts';
import type { RunEvidence } from './evidence.ts';
import { summariseCells } from './summarise-cells.ts';
import { type SyntheticPlace, syntheticEvidence } from './synthetic-evidence.ts';
import { whyNoClasses } from './why-no-classes.ts';

const place: SyntheticPlace = { deviceId: 'pi3', backendId: 'onnxruntime-cpu', inputs: 100 };
const evidence = syntheticEvidence({ places: [place], labels: 'none' });

/** A float output of that shape. */
const output = (...shape: number[]): EvaluateFacts['outputs'][number] => ({
  name: 'y',
  elementType: 'float32',
  shape,
});

/** The same run of a network with other outputs or inputs. */
function change(
  {
    outputs,
    ...model
  }: Partial<Pick<RunEvidence['model'], 'inputs' | 'contract'>> & {
    outputs?: EvaluateFacts['outputs'];
  },
  of = evidence,
): RunEvidence {
  const results = of.results.map((entry) => {
    const { outcome } = entry.result;
    if (outcome.kind !== 'evaluate' || !outputs) return entry;
    const facts = { ...outcome.facts, outputs };
    return { ...entry, result: { ...entry.result, outcome: { kind: 'evaluate' as const, facts } } };
  });
  return { ...of, model: { ...of.model, ...model }, results };
}

function int8Of(changed: RunEvidence): Cell {
  const found = summariseCells(changed).find(({ cell }) => cell.variant.name === 'int8-per-channel');
  return found?.cell ?? assert.fail();
}

function reasonOf(cell: Cell, quantity: string): string {
  const reading = cell.readings[quantity];
  return reading?.status === 'unavailable' ? reading.reason : assert.fail(`${quantity} is available`);
}

test('one float output over classes is a classifier where labels fit or images go in, all else is none', () => {
  const { model } = evidence;
  const tensors = { ...model, contract: { ...model.contract, channels: '' as const } };
  const labelled = syntheticEvidence({ places: [place] }).dataset;
  const why = (outputs: EvaluateFacts['outputs'], of = model, dataset = evidence.dataset) =>
    whyNoClasses(outputs, { model: of, dataset });
  for (const shape of [[1, 10], [10], [1, 10, 1, 1]]) assert.equal(why([output(...shape)]), undefined);
  assert.equal(why([output(1, 10)], tensors, labelled), undefined);
  const none: [string | undefined, RegExp][] = [
    [why([output(1, 6400, 1), output(1, 6400, 1)]), /not a classifier, since it has 2 outputs/],
    [why([output(1, 6400, 1)]), /output is float32 \[1, 6400, 1\]/],
    [why([output(1, 21, 64, 64)]), /not float \[1, classes\]/],
    [why([output(1, 1)]), /\[1, 1\]/],
    [why([output(4, 10)]), /\[4, 10\]/],
    [why([{ ...output(1, 10), elementType: 'int64' }]), /int64/],
    [why([output(1, 512)], tensors), /no labels fit its output/],
    [why([output(1, 512)], tensors, labelled), /no labels fit its output/],
    [why([]), /no output/],
  ];
  for (const [reason, expected] of none) {
    assert.match(reason ?? '', /^no-class-output: not a classifier/);
    assert.match(reason ?? '', expected);
  }
});

test('of what is not a classifier there is no agreement, and its outputs are compared all the same', () => {
  const detector = change({ outputs: [output(1, 10, 1)] });
  const cell = int8Of(detector);
  for (const quantity of ['accuracy.top1', 'accuracy.loss', 'agreement.top1']) {
    assert.match(reasonOf(cell, quantity), /not a classifier, since its output is float32 \[1, 10, 1\]/);
  }
  assert.ok(readingValue(cell.readings['sqnr.output']));
  const finding = buildReport(detector).findings.find((line) => line.includes('int8-per-channel'));
  assert.match(finding ?? '', /its outputs are \d+\.\d dB from fp32’s \(no accuracy: no-class-output\)/);
});

test('a network of which further inputs were fed zeros is not evaluated completely, and says so', () => {
  const { model } = evidence;
  const state = { name: 'state', elementType: 'float32', shape: [2, 1, 128] };
  const rate = { name: 'sr', elementType: 'int64', shape: [] };
  const cell = int8Of(change({ inputs: [...model.inputs, state, rate] }));
  assert.deepEqual([cell.numerics.verdict, cell.numerics.complete], ['partly-fed', false]);
  assert.match(cell.numerics.reasons[0]?.detail ?? '', /^state, sr were fed zeros/);
  assert.deepEqual(int8Of(evidence).numerics.verdict, 'sound');
});

test('where both answer as guessing would, a loss of nothing is not a finding', () => {
  const shuffled = syntheticEvidence({ places: [place], labels: 'shuffled' });
  const cell = int8Of(shuffled);
  assert.match(reasonOf(cell, 'accuracy.loss'), /^at-chance: right on .* of 100 inputs, .* 10 classes/);
  assert.ok(readingValue(cell.readings['agreement.top1']));
  const elsewhere = (label: number): number => (label + 1) % 10;
  const never: RunEvidence = {
    ...shuffled,
    labels: syntheticEvidence({ places: [place] }).labels!.map(elsewhere),
  };
  assert.match(
    reasonOf(int8Of(never), 'accuracy.loss'),
    /^at-chance: right on [0-2]\.0 % and [0-2]\.0 % of 100 inputs/,
  );
  const right = int8Of(syntheticEvidence({ places: [place] }));
  assert.equal(right.readings['accuracy.loss']?.status, 'derived');
});

test('a class that no output has is bad evidence', () => {
  const blobs = new Map(evidence.blobs);
  for (const { result } of evidence.results) {
    if (result.outcome.kind !== 'evaluate') continue;
    const { blob } = result.outcome.facts.topK!;
    const bytes = Uint8Array.from(blobs.get(blob)!);
    new DataView(bytes.buffer).setUint32(0, 4e9, true);
    blobs.set(blob, bytes);
  }
  assert.match(reasonOf(int8Of({ ...evidence, blobs }), 'agreement.top1'), /bad-evidence: class 4000000000/);
});
