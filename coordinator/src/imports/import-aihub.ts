import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { parseYaml } from '../files/parse-yaml.ts';
import type { ImportedResult, ImportedSet, ImportedSystem } from './imported-set.ts';
import { readSource } from './source-files.ts';

const metricsSchema = z.object({ inference_time_milliseconds: z.number().positive() });
const perfSchema = z.object({
  precisions: z.record(
    z.string(),
    z.object({
      components: z.record(
        z.string(),
        z.object({ performance_metrics: z.record(z.string(), z.record(z.string(), z.unknown())).optional() }),
      ),
    }),
  ),
});

/**
 * Qualcomm AI Hub's `perf.yaml` files, one folder per model: latency by precision, component, device and runtime.
 * Fields that are not known pass; a job that failed has no latency and is counted.
 */
export async function importAihub(path: string): Promise<ImportedSet> {
  const { files, digest } = await readSource(path, (name) => name.endsWith('perf.yaml'));
  const systems = new Map<string, ImportedSystem>();
  const results: ImportedResult[] = [];
  const notes: string[] = [];
  let failed = 0;
  for (const { path: name, text } of files) {
    const parsed = perfSchema.safeParse(parseYaml(text, name, 'refused'));
    if (!parsed.success) {
      notes.push(`${name}: not the form that is known; left out.`);
      continue;
    }
    for (const [precision, { components }] of Object.entries(parsed.data.precisions)) {
      const many = Object.keys(components).length > 1;
      for (const [component, { performance_metrics: devices = {} }] of Object.entries(components)) {
        const network = many ? `${basename(dirname(name))}/${component}` : basename(dirname(name));
        for (const [device, runtimes] of Object.entries(devices)) {
          for (const [runtime, metrics] of Object.entries(runtimes)) {
            const found = metricsSchema.safeParse(metrics);
            if (!found.success) {
              failed++;
              continue;
            }
            const id = `${device}, ${runtime}`;
            systems.set(id, { id, board: chipOf(device), runtime });
            const latencyNs = found.data.inference_time_milliseconds * 1e6;
            results.push({
              system: id,
              network,
              precision: precisionOf(precision),
              latencyNs,
              statistic: 'mean',
            });
          }
        }
      }
    }
  }
  if (failed > 0) notes.push(`${failed} entries without a latency are left out.`);
  return {
    schema: 'qfleet.import/1',
    kind: 'aihub',
    source: { name: basename(path), digest },
    systems: [...systems.values()],
    results,
    notes,
  };
}

/**
 * Devices of one chip, which are held out together: one that is known tells another's times. AI Hub's own device list
 * names the chipsets; QCS9075 and SA8775P, and QCS8275 and SA7255P, are one die each under two names (the Linux kernel's
 * lemans and monaco).
 */
const chips: Readonly<Record<string, string>> = {
  'Samsung Galaxy S25': 'snapdragon-8-elite',
  'Snapdragon 8 Elite QRD': 'snapdragon-8-elite',
  'Dragonwing IQ-9075 EVK': 'lemans',
  'SA8775P ADP': 'lemans',
  'QCS8275 (Proxy)': 'monaco',
  'SA7255P ADP': 'monaco',
};

function chipOf(device: string): string {
  return chips[device] ?? device;
}

/** Their words for ours: w8a8 is int8 throughout. */
function precisionOf(precision: string): string {
  if (precision === 'float') return 'fp32';
  return precision === 'w8a8' ? 'int8' : precision;
}
