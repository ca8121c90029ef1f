import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import {
  corruptSample,
  sampleClassCount,
  sampleContract,
  sampleModel,
  writeGlyphs,
} from './support/glyph-data.ts';
import { Lab } from './support/lab.ts';

describe('the report says what is known beforehand', () => {
  let lab: Lab;

  before(async () => {
    lab = new Lab();
    await lab.startCoordinator();
    await lab.startAgent('bench', '--backends', 'onnxruntime-cpu');
  });

  after(async () => lab?.[Symbol.asyncDispose]());

  test('shuffled labels give chance accuracy, the true ones do not', async () => {
    const count = 1500;
    const order = shuffle(
      Array.from({ length: count }, (_, i) => i),
      createRandom(5),
    );
    await writeGlyphs(join(lab.folder, 'true.npz'), { count });
    const labels: number[] = [];
    await writeGlyphs(join(lab.folder, 'listed.npz'), {
      count,
      labelOf: (label) => {
        labels.push(label);
        return label;
      },
    });
    await writeGlyphs(join(lab.folder, 'shuffled.npz'), {
      count,
      labelOf: (_label, i) => labels[order[i]!]!,
    });
    await lab.qfleetOk('model', 'add', sampleModel, '--name', 'glyphs', '--contract', sampleContract);
    const top1 = async (dataset: string): Promise<number> => {
      await lab.qfleetOk('dataset', 'add', join(lab.folder, `${dataset}.npz`), '--split', 'none');
      await lab.qfleetOk(
        'run',
        'create',
        '--model',
        'glyphs',
        '--dataset',
        dataset,
        '--backends',
        'onnxruntime-cpu',
        '--no-timing',
        '--no-probe',
        '--wait',
      );
      const { cells } = await lab.report();
      return cells[0].readings['accuracy.top1'].value;
    };
    const chance = 1 / sampleClassCount;
    const shuffledTop1 = await top1('shuffled');
    // Five standard deviations of a binomial share.
    assert.ok(
      Math.abs(shuffledTop1 - chance) < 5 * Math.sqrt((chance * (1 - chance)) / count),
      `top-1 is ${shuffledTop1}`,
    );
    assert.ok((await top1('true')) > 0.95);
  });

  test('one corrupted weight changes the outputs and is seen', async () => {
    const path = join(lab.folder, 'corrupted.onnx');
    writeFileSync(
      path,
      corruptSample((weight) => weight + 1),
    );
    await lab.qfleetOk('variant', 'add', 'glyphs', path);
    await lab.qfleetOk(
      'run',
      'create',
      '--model',
      'glyphs',
      '--dataset',
      'true',
      '--backends',
      'onnxruntime-cpu',
      '--no-timing',
      '--no-probe',
      '--wait',
    );
    const { cells } = await lab.report();
    const corrupted = cells.find((cell: { variant: { name: string } }) => cell.variant.name === 'corrupted');
    assert.equal(corrupted.readings['sqnr.output'].status, 'measured');
    assert.ok(
      corrupted.readings['sqnr.output'].value < 60,
      `SQNR is ${corrupted.readings['sqnr.output'].value} dB`,
    );
  });
});
