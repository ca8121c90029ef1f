import * as z from 'zod';
import { QfleetError } from '../errors.ts';

/** One query of `--exportTimes`, milliseconds; host latency: copy in, compute, copy out. */
const timeSchema = z.object({ latencyMs: z.number(), computeMs: z.number().optional() });

/** Latencies of `--exportTimes` in nanoseconds, in order. Throws `refused` where the file is none. */
export function parseTimes(text: string): Float64Array {
  const rows = z.array(z.unknown()).parse(parseTolerantly(text, 'exportTimes'));
  const parsed = rows.flatMap((row) => {
    const found = timeSchema.safeParse(row);
    return found.success ? [found.data.latencyMs * 1e6] : [];
  });
  if (parsed.length === 0) throw new QfleetError('refused', 'trtexec exported no times.');
  return Float64Array.from(parsed);
}

export interface LayerTime {
  readonly name: string;
  readonly averageMs: number;
  readonly medianMs?: number | undefined;
  readonly percentage?: number | undefined;
}

/**
 * `--exportProfile`: how many runs, and the layers' times. Names are written without escapes: a layer whose name holds
 * quotes leaves no JSON, and is then read by the keys around it.
 */
export function parseProfile(text: string): {
  readonly runs: number | undefined;
  readonly layers: readonly LayerTime[];
} {
  const rows = z.array(z.unknown()).parse(parseTolerantly(text, 'exportProfile'));
  const count = z.object({ count: z.number() }).safeParse(rows[0]);
  const layers = rows.flatMap((row) => {
    const found = layerSchema.safeParse(row);
    return found.success ? [found.data] : [];
  });
  return { runs: count.success ? count.data.count : undefined, layers };
}

const layerSchema = z.object({
  name: z.string(),
  averageMs: z.number(),
  medianMs: z.number().optional(),
  percentage: z.number().optional(),
});

/** A layer of an engine; the rest is known where it was built with `--profilingVerbosity=detailed`. */
export interface EngineLayer {
  readonly name: string;
  readonly type?: string | undefined;
  readonly inputType?: string | undefined;
}

const slotSchema = z.object({ 'Format/Datatype': z.string() });
const engineLayerSchema = z.object({
  Name: z.string(),
  LayerType: z.string().optional().catch(undefined),
  Inputs: z.array(z.unknown()).optional().catch(undefined),
});

/** `--exportLayerInfo`: the engine's layers, whichever verbosity it was built with. */
export function parseEngineLayers(text: string): readonly EngineLayer[] {
  const info = z.object({ Layers: z.array(z.unknown()) }).parse(parseTolerantly(text, 'exportLayerInfo'));
  return info.Layers.flatMap((layer): EngineLayer[] => {
    if (typeof layer === 'string') return [{ name: layer }];
    const found = engineLayerSchema.safeParse(layer);
    if (!found.success) return [];
    const slot = slotSchema.safeParse(found.data.Inputs?.[0]);
    const inputType = slot.success ? toElementType(slot.data['Format/Datatype']) : undefined;
    return [{ name: found.data.Name, type: found.data.LayerType, inputType }];
  });
}

/** "Thirty-two wide channel vectorized row major Int8 format", "Row major linear FP32". */
function toElementType(format: string): string | undefined {
  if (/int8/i.test(format)) return 'int8';
  if (/fp16|half/i.test(format)) return 'float16';
  return /fp32|float/i.test(format) ? 'float32' : undefined;
}

export interface ExportedOutput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float32Array;
}

const outputSchema = z.object({
  name: z.string(),
  dimensions: z.string(),
  values: z.array(z.union([z.number(), z.string()])),
});

/** `--exportOutput`. NaN and infinities, which JSON has not, come as words. Throws `shape-mismatch` where counts do not fit. */
export function parseOutputs(text: string): readonly ExportedOutput[] {
  const rows = z.array(outputSchema).parse(parseTolerantly(text.replace(bareWords, '"$1"'), 'exportOutput'));
  return rows.map(({ name, dimensions, values }) => {
    const dims = dimensions.split('x').map(Number);
    const count = dims.reduce((product, size) => product * size, 1);
    if (count !== values.length) {
      throw new QfleetError(
        'shape-mismatch',
        `trtexec says that output ${name} is ${dimensions} and gives ${values.length} values.`,
      );
    }
    return { name, dims, values: Float32Array.from(values, toNumber) };
  });
}

const bareWords = /(?<=[[,\s])(-?nan|-?inf)(?=[\],\s])/gi;

function toNumber(value: number | string): number {
  if (typeof value === 'number') return value;
  if (/inf/i.test(value)) return value.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number.NaN;
}

/** JSON, or where quotes stand in names, every line's fields by their keys. */
function parseTolerantly(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const rows = text.split('\n').flatMap(readLine);
    if (rows.length > 0) return rows;
    throw new QfleetError('refused', `What trtexec wrote for --${what} is no JSON: ${text.slice(0, 80)}`, {
      cause,
    });
  }
}

/** `{ "name" : "a "b"", "timeMs" : 1, … }`: the name goes to the last quote before the next key. */
function readLine(line: string): Record<string, unknown>[] {
  const found = /\{\s*"name"\s*:\s*"(.*)"\s*,\s*("\w+"\s*:\s*[-\d.e+].*)\}/.exec(line);
  if (!found) return [];
  const numbers = [...found[2]!.matchAll(/"(\w+)"\s*:\s*([-\d.e+]+)/g)];
  return [{ name: found[1], ...Object.fromEntries(numbers.map(([, key, value]) => [key!, Number(value)])) }];
}
