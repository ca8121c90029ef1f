import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';

/** What quantizing costs from layer to layer, before any device ran it. */
export function layerCheckSection({ variants }: Report): Section {
  const rows = variants.flatMap(({ name, layerCheck }) =>
    [...(layerCheck?.activations ?? []), ...(layerCheck?.outputs ?? [])].map((tensor) => [
      stripControl(name),
      stripControl(tensor.tensor),
      decibels(tensor.simulationSqnrDb),
      decibels(tensor.kernelSqnrDb),
      (100 * tensor.codesDiffer).toFixed(2),
    ]),
  );
  const inputs = Math.max(0, ...variants.map(({ layerCheck }) => layerCheck?.inputs ?? 0));
  return {
    id: 'layer-check',
    title: 'What quantizing costs, layer by layer',
    lead: `Each quantized tensor over ${inputs} calibration inputs when the variant was made: its simulation against float32, which is the loss that quantization means to cost, and the kernels of the coordinator’s machine against that simulation. ∞ where nothing differs.`,
    table: {
      columns: [
        { title: 'variant', numeric: false },
        { title: 'tensor', numeric: false },
        { title: 'simulation from float32, dB', numeric: true },
        { title: 'kernels from simulation, dB', numeric: true },
        { title: 'values that differ, %', numeric: true },
      ],
      rows,
    },
    isDetail: true,
  };
}

function decibels(value: number | undefined): string {
  return value === undefined ? '∞' : value.toFixed(1);
}
