import { QfleetError } from '@qfleet/shared/errors.ts';

/** What a recipe may be refused for; everything else ends the whole quantization. */
const refusalCodes = new Set<string>([
  'refused',
  'unsupported',
  'shape-mismatch',
  'failed-precondition',
  'crashed',
  'timeout',
  'resource-exhausted',
]);

/** Whether a failure is of one recipe, so that the others go on. */
export function isRefusal(thrown: unknown): thrown is QfleetError {
  return thrown instanceof QfleetError && refusalCodes.has(thrown.code);
}
