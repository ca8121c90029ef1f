import { QfleetError } from '@qfleet/shared/errors.ts';

/** Throws `refused` with the place of the first NaN or infinity among a weight's values. */
export function checkFinite(values: Float32Array, name: string): void {
  const index = values.findIndex((value) => !Number.isFinite(value));
  if (index < 0) return;
  throw new QfleetError(
    'refused',
    `Weight "${name}" holds ${values[index]} at element ${index}; expected finite numbers.`,
    { hint: 'The training diverged or the export is damaged: check the model in its framework.' },
  );
}
