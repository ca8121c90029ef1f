import { QfleetError } from '@qfleet/shared/errors.ts';
import type { LoadedVariant } from './backend.ts';

/**
 * The smallest model that makes a runtime prove itself: y = x + x, float32 [4], opset 13. As ONNX bytes, so
 * that a backend can be probed on a board that has no model yet.
 */
export function tinyModel(): Uint8Array {
  return Buffer.from(tinyModelBase64, 'base64');
}

/** Runs the tiny model once and closes it; throws `crashed` where the sum is wrong. */
export async function runTinyModel(variant: LoadedVariant): Promise<void> {
  const x = { elementType: 'float32', data: Float32Array.of(1, 2, 3, 4), dims: [4] };
  const { y } = await variant.infer(variant.prepareFeeds({ x }));
  const sums = [...((y?.data ?? []) as Float32Array)];
  await variant.close();
  if (sums.join() !== '2,4,6,8') {
    throw new QfleetError('crashed', `The runtime adds wrongly: expected 2,4,6,8, got ${sums.join()}.`);
  }
}

const tinyModelBase64 =
  'CAc6OQoOCgF4CgF4EgF5IgNBZGQSBWdyYXBoWg8KAXgSCgoICAESBAoCCARiDwoBeRIKCggIARIECgIIBEIECgAQDQ==';
