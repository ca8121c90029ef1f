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
  /** The node's name as the runtime has it, fusions' suffixes included. */
  readonly name: string;
  readonly durationUs: number;
  /** The execution provider that took it: `CPU`, `CUDA`, …; undefined where the trace does not tell. */
  readonly provider: string | undefined;
  /** Element type of the first input. */
  readonly inputType: string | undefined;
  /** Bytes of activations read and of outputs written; undefined where the trace does not tell. */
  readonly activationBytes: number | undefined;
  readonly outputBytes: number | undefined;
}

/** The operators of an ONNX Runtime profile: events of category `Node` named `…_kernel_time`, `dur` in µs. */
export function parseKernels(bytes: Uint8Array): Kernel[] {
  return parseEvents(bytes).flatMap((event) => {
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
        name: name.slice(0, -suffix.length),
        durationUs: Math.max(0, dur ?? 0),
        provider: args.provider?.replace(/ExecutionProvider$/, ''),
        inputType,
        activationBytes: args.activation_size,
        outputBytes: args.output_size,
      },
    ];
  });
}

/** A process that was stopped leaves the closing bracket out; then the whole lines before are taken. */
function parseEvents(bytes: Uint8Array): unknown[] {
  const text = new TextDecoder().decode(bytes);
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
