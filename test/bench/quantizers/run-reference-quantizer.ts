import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { InputContract } from '@qfleet/shared/inputs/input-contract.ts';

const execute = promisify(execFile);
const script = fileURLToPath(new URL('./reference_quantizer.py', import.meta.url));

/** How `onnxruntime.quantization` is told to work; always static QDQ, uint8 activations, int8 weights. */
export interface ReferenceSettings {
  readonly method: 'MinMax' | 'Entropy' | 'Percentile';
  /** Percent of the values that the range holds; for Percentile alone. */
  readonly percentile?: number;
  readonly perChannel: boolean;
  /** Images whose activations are in memory at the same time; for the methods with histograms. */
  readonly stride?: number;
}

export interface ReferenceOrder {
  readonly modelPath: string;
  /** .npz with `images`, uint8 [N, height, width, channels]. */
  readonly imagesPath: string;
  readonly contract: InputContract;
  readonly outPath: string;
  readonly settings: ReferenceSettings;
}

/** The arguments for Python. */
export function referenceArguments(order: ReferenceOrder): string[] {
  const { method, percentile, perChannel, stride } = order.settings;
  return [
    script,
    ...['--model', order.modelPath, '--images', order.imagesPath, '--out', order.outPath],
    ...['--contract', JSON.stringify(order.contract), '--method', method],
    ...(percentile === undefined ? [] : ['--percentile', String(percentile)]),
    ...(stride === undefined ? [] : ['--stride', String(stride)]),
    ...(perChannel ? ['--per-channel'] : []),
  ];
}

/** Quantizes in a Python of its own. */
export async function runReferenceQuantizer(python: string, order: ReferenceOrder): Promise<void> {
  await execute(python, referenceArguments(order), { maxBuffer: 64 * 2 ** 20 });
}
