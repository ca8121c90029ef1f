import { basename } from 'node:path';
import { parseConsole } from '@qfleet/shared/trtexec/parse-console.ts';
import type { ImportedResult, ImportedSet, ImportedSystem } from './imported-set.ts';
import { readSource, type SourceFile } from './source-files.ts';

/**
 * Console texts of trtexec (`*.log`, `*.txt`), one file or a folder of them: the GPU and TensorRT's version make the
 * system, the model's or engine's file the network, the flags the number format. Latency is the median host latency.
 */
export async function importTrtexec(path: string): Promise<ImportedSet> {
  const { files, digest } = await readSource(path, (name) => /\.(log|txt)$/i.test(name));
  const systems = new Map<string, ImportedSystem>();
  const notes: string[] = [];
  const results = files.flatMap((file) => {
    const found = readText(file);
    if (typeof found === 'string') {
      notes.push(`${file.path}: ${found}; left out.`);
      return [];
    }
    systems.set(found.system.id, found.system);
    return [found.result];
  });
  return {
    schema: 'qfleet.import/1',
    kind: 'trtexec',
    source: { name: basename(path), digest },
    systems: [...systems.values()],
    results,
    notes,
  };
}

function readText({ path, text }: SourceFile): { system: ImportedSystem; result: ImportedResult } | string {
  const facts = parseConsole(text);
  const latencyMs = facts.latency?.['median'];
  if (!facts.passed) return 'trtexec did not say PASSED';
  if (latencyMs === undefined) return 'it tells no latency';
  const command = /^&&&& (?:PASSED|RUNNING) .*# (.+)$/m.exec(text)?.[1] ?? '';
  const model = /--(?:onnx|loadEngine|uff|model)=(\S+)/.exec(command)?.[1];
  const board = facts.gpu ?? 'unknown GPU';
  const runtime = `TensorRT ${facts.version ?? 'unknown'}`;
  const p90 = facts.latency?.['90'];
  const queries = Number(/Timing trace has (\d+) queries/.exec(text)?.[1] ?? 0);
  return {
    system: { id: `${board}, ${runtime}`, board, runtime },
    result: {
      system: `${board}, ${runtime}`,
      network: basename(model ?? path).replace(/\.(onnx|engine|plan|trt|log|txt)$/i, ''),
      precision: precisionOf(command),
      latencyNs: latencyMs * 1e6,
      statistic: 'p50',
      ...(p90 !== undefined && { p90Ns: p90 * 1e6 }),
      ...(queries > 0 && { n: queries }),
    },
  };
}

/** What the engine was allowed to use; a loaded engine was built with flags that the text may not show. */
function precisionOf(command: string): string {
  for (const precision of ['best', 'int8', 'fp16']) if (command.includes(`--${precision}`)) return precision;
  return 'fp32';
}
