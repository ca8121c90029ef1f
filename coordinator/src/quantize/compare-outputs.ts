import { QfleetError } from '@qfleet/shared/errors.ts';
import { type CalibrationSamples, maxComparisonBytes } from './calibration-samples.ts';
import { OrtChild, type OrtChildOptions } from './ort-child.ts';
import type { TensorMessage } from './ort-messages.ts';
import { OutputNoise } from './output-noise.ts';
import type { Recipe } from './recipes/recipe.ts';

export interface Evidence {
  readonly samples: CalibrationSamples;
  /** The original model's outputs for the first samples kept. */
  readonly reference: readonly Readonly<Record<string, TensorMessage>>[];
  readonly limits: OrtChildOptions;
}

export interface OutputComparison {
  /** Of the output that differs most, dB; absent without inputs, and where there is no difference. */
  readonly sqnrDb: number | undefined;
  readonly notes: readonly string[];
}

/** Below this folding has changed more than rounding: fp32 on two machines agrees to about 100 dB. */
const foldingNoiseFloorDb = 80;

/** The original model's outputs for the kept inputs, as many as the memory bound allows. */
export async function runReference(
  sourcePath: string,
  samples: CalibrationSamples,
  limits: OrtChildOptions,
): Promise<Record<string, TensorMessage>[]> {
  if (samples.kept.length === 0) return [];
  await using child = new OrtChild(limits);
  await child.open({ path: sourcePath, optimisation: 'disabled' });
  const reference: Record<string, TensorMessage>[] = [];
  let bytes = 0;
  for (const feeds of samples.kept) {
    const outputs = await child.run(feeds);
    for (const { data } of Object.values(outputs)) bytes += data.byteLength;
    if (reference.length > 0 && bytes > maxComparisonBytes) break;
    reference.push(outputs);
  }
  return reference;
}

/** Loads the file as a device would, and compares its outputs with the reference. */
export async function compareOutputs(
  path: string,
  recipe: Recipe,
  { samples, reference, limits }: Evidence,
): Promise<OutputComparison> {
  await using child = new OrtChild(limits);
  await child.open({ path, optimisation: 'all' });
  const noise = new OutputNoise();
  for (const [i, expected] of reference.entries()) noise.add(expected, await child.run(samples.kept[i]!));
  if (noise.nonFinite > 0) {
    throw new QfleetError(
      'refused',
      `Recipe ${recipe.id} gives ${noise.nonFinite} NaN or infinite outputs.`,
      {
        hint: 'Calibrate with inputs like those that the model will meet.',
      },
    );
  }
  const worst = noise.worst();
  if (!worst) return { sqnrDb: undefined, notes: [] };
  if (!Number.isFinite(worst.sqnrDb))
    return { sqnrDb: undefined, notes: equalOrSilent(worst.sqnrDb, reference.length) };
  const notes = [`Output SQNR over ${reference.length} calibration inputs, of output "${worst.name}".`];
  if (recipe.format === 'float32' && worst.sqnrDb < foldingNoiseFloorDb) {
    notes.push(`Folding changed outputs by more than rounding: ${worst.sqnrDb.toFixed(1)} dB.`);
  }
  return { sqnrDb: worst.sqnrDb, notes };
}

function equalOrSilent(sqnrDb: number, count: number): string[] {
  return sqnrDb > 0
    ? [`Outputs equal the model's on ${count} inputs, bit for bit.`]
    : [`The model's outputs are all 0 on ${count} inputs: no output SQNR.`];
}
