import { QfleetError } from '@qfleet/shared/errors.ts';

/** What to do about the refusals that users meet most, by ONNX Runtime's words. */
const hints: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: /No Op registered|is not a registered function\/op/i,
    hint: 'This operator is not in ONNX: export the model without custom operators.',
  },
  {
    pattern: /NOT_IMPLEMENTED|Could not find an implementation/i,
    hint: 'No CPU kernel takes this operator with these element types: export or quantize the model another way.',
  },
  {
    pattern: /ShapeInferenceError|type inference|Type Error|mismatch/i,
    hint: 'The shapes or types in the model contradict each other: export it again.',
  },
  {
    pattern: /onnx opset versions|IR version/i,
    hint: 'The model is newer than this ONNX Runtime: export it with a lower opset.',
  },
];

const outOfMemory = /bad_alloc|Failed to allocate memory|Array buffer allocation failed/i;
const maxLength = 600;

/**
 * ONNX Runtime's exception as a QfleetError: `resource-exhausted` where memory ran out, otherwise `refused`.
 * Source places (`/onnxruntime_src/…cc:123 void …`), folders of model files and status prefixes are left out.
 */
export function cleanOrtMessage(message: string): QfleetError {
  if (outOfMemory.test(message)) {
    return new QfleetError('resource-exhausted', 'ONNX Runtime ran out of memory with this model.', {
      hint: 'Use a machine with more memory, or a smaller model or input.',
    });
  }
  const hint = hints.find(({ pattern }) => pattern.test(message))?.hint;
  return new QfleetError('refused', `ONNX Runtime refuses the model: ${tidy(message)}`, {
    hint: hint ?? 'Check the model with onnx.checker, or export it again.',
    cause: new Error(message),
  });
}

function tidy(message: string): string {
  return message
    .replace(/(Non-zero status code returned while running|Load model from \S+ failed:)\s*/g, '')
    .replace(/\/onnxruntime_src\/\S+ .*?\]?\s(?=[A-Z])/g, '')
    .replace(/(\/[^\s/:]+)+\/([^\s/:]+)/g, '$2')
    .replace(/^Exception during (loading|initialization):\s*/i, '')
    .replace(/^Error:\s*/i, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, maxLength);
}
