import type { LayerCheck } from './artefacts.ts';

/** The activations that quantizing changes most, the lowest simulation SQNR first; those that nothing changes last. */
export function worstActivations({ activations }: LayerCheck): LayerCheck['activations'] {
  return activations.toSorted((a, b) => (a.simulationSqnrDb ?? Infinity) - (b.simulationSqnrDb ?? Infinity));
}
