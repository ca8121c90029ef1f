import { type EngineProfile, engineProfileSchema } from '@qfleet/shared/trtexec/engine-profile.ts';
import * as z from 'zod';
import type { OperatorUse } from './cell.ts';

/** Numbers come as text in ONNX Runtime's traces. */
const sizeSchema = z.coerce.number().nonnegative().optional().catch(undefined);

/** ONNX Runtime's Chrome trace: what we need of a `Node` event. Other events and fields pass. */
const eventSchema = z.object({
  cat: z.string().optional(),
  name: z.string().optional(),
  dur: z.number().optional(),
  args: z
    .object({
      op_name: z.string().optional(),
      provider: z.string().optional(),
      node_index: z.union([z.string(), z.number()]).optional(),
      input_type_shape: z.array(z.record(z.string(), z.unknown())).optional(),
      activation_size: sizeSchema,
      output_size: sizeSchema,
    })
    .optional(),
});

const suffix = '_kernel_time';
const convertTypes = /^(DynamicQuantize|Dequantize|Quantize)Linear$/;
const integerTypes = /^Q[A-Z]|Integer(ToFloat)?$|^DynamicQuantize(MatMul|LSTM)$/;

/** One execution of one operator. */
export interface Kernel {
  readonly type: string;
  readonly kind: OperatorUse['kind'];
  /** The same for every inference. */
  readonly node: string;
  /** Names of the file that the kernel stands for: of one node, or of all that were fused into it. */
  readonly names: readonly string[];
  readonly durationUs: number;
  /** The execution provider that took it: `CPU`, `CUDA`, …; undefined where the trace does not tell. */
  readonly provider: string | undefined;
  /** Element type of the first input. */
  readonly inputType: string | undefined;
  /** Bytes of activations read and of outputs written; undefined where the trace does not tell. */
  readonly activationBytes: number | undefined;
  readonly outputBytes: number | undefined;
}

/**
 * What ran, from a profile of ONNX Runtime (events of category `Node` named `…_kernel_time`, `dur` in µs) or of a
 * TensorRT engine. Empty where it is neither.
 */
export function parseKernels(bytes: Uint8Array): Kernel[] {
  const text = new TextDecoder().decode(bytes);
  const engine = engineProfileSchema.safeParse(tryParse(text));
  return engine.success ? engine.data.layers.map(fromEngineLayer) : parseEvents(text).flatMap(fromEvent);
}

function fromEvent(event: unknown): Kernel[] {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success || parsed.data.cat !== 'Node' || !parsed.data.name?.endsWith(suffix)) return [];
  const { name, dur, args } = parsed.data;
  if (!args?.op_name) return [];
  const inputType = Object.keys(args.input_type_shape?.[0] ?? {})[0];
  return [
    {
      type: args.op_name,
      kind: kindOf(args.op_name, inputType),
      node: `${args.node_index ?? ''} ${name}`,
      names: [plainName(name.slice(0, -suffix.length))],
      durationUs: Math.max(0, dur ?? 0),
      provider: args.provider?.replace(/ExecutionProvider$/, ''),
      inputType,
      activationBytes: args.activation_size,
      outputBytes: args.output_size,
    },
  ];
}

/** Fusions, layouts and the quantization of weights alone leave the name of the node and add to it: `Conv_9_nchwc`, `Conv_0_token_111`, `MatMul_3_Q4`. */
function plainName(name: string): string {
  return name.replace(/(_nchwc|_token_\d+|_quant|_Q[48])+$/, '');
}

/** A layer of an engine; sizes are not told. */
function fromEngineLayer(
  { name, averageMs, type, inputType }: EngineProfile['layers'][number],
  index: number,
): Kernel {
  const names = name.replaceAll(/PWN\(|[()]/g, ' ').split(/\s+\+\s+|,/);
  const isReformat = type === 'Reformat' || name.startsWith('Reformatting CopyNode');
  return {
    type: isReformat ? 'Reformat' : (type ?? typeByName(names)),
    kind: engineKind(name, inputType),
    node: `${index} ${name}`,
    names: names.map((one) => one.trim()),
    durationUs: 1000 * averageMs,
    provider: 'TensorRT',
    inputType: inputType === 'float32' ? 'float' : inputType,
    activationBytes: undefined,
    outputBytes: undefined,
  };
}

function engineKind(name: string, inputType: string | undefined): OperatorUse['kind'] {
  if (/^\S*(Quantize|Dequantize)Linear\S*$/.test(name)) return 'convert';
  if (inputType === undefined) return 'unknown';
  return inputType === 'int8' ? 'integer' : 'float';
}

/** Of names such as `/layer1/0/conv1/Conv`, as PyTorch's exporter writes them: the first operator that multiplies, else the first. */
function typeByName(names: readonly string[]): string {
  const types = names.map(
    (name) => /(?:^|\/)([A-Z][A-Za-z]+)(?:_\d+)?(?:_output_\d+)?\s*$/.exec(name.trim())?.[1],
  );
  const known = types.filter((type) => type !== undefined);
  return known.find((type) => /^(Conv|ConvTranspose|Gemm|MatMul)$/.test(type)) ?? known[0] ?? 'layer';
}

/** A process that was stopped leaves the closing bracket out; then the whole lines before are taken. */
function parseEvents(text: string): unknown[] {
  const parsed = tryParse(text) ?? tryParse(`${text.slice(0, text.lastIndexOf('}') + 1)}]`);
  return Array.isArray(parsed) ? parsed : [];
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function kindOf(type: string, firstInputType: string | undefined): OperatorUse['kind'] {
  if (convertTypes.test(type)) return 'convert';
  if (integerTypes.test(type)) return 'integer';
  return firstInputType === 'int8' || firstInputType === 'uint8' ? 'integer' : 'float';
}
