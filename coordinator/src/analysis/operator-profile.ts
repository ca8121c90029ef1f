import { available } from '@qfleet/shared/available-reading.ts';
import { type Reading, unavailable } from '@qfleet/shared/reading.ts';
import * as z from 'zod';
import type { OperatorUse } from './cell.ts';

/** Operators by type, and the shares of time that say whether integers were really computed with. */
export interface OperatorProfile {
  readonly operators: readonly OperatorUse[];
  readonly readings: readonly Reading[];
}

/** ONNX Runtime's Chrome trace: what we need of a `Node` event. Other events and fields pass. */
const eventSchema = z.object({
  cat: z.string().optional(),
  name: z.string().optional(),
  dur: z.number().optional(),
  args: z
    .object({
      op_name: z.string().optional(),
      node_index: z.union([z.string(), z.number()]).optional(),
      input_type_shape: z.array(z.record(z.string(), z.unknown())).optional(),
    })
    .optional(),
});

const method = 'ort-profile-kernel-time';
const convertTypes = /^(DynamicQuantize|Dequantize|Quantize)Linear$/;
const integerTypes = /^Q[A-Z]|Integer(ToFloat)?$|^DynamicQuantize(MatMul|LSTM)$/;

/** A profile that is not there: every reading with that reason. */
export function missingProfile(reason: string): OperatorProfile {
  return {
    operators: [],
    readings: [
      unavailable('operators.integer.share', '1', reason),
      unavailable('operators.convert.share', '1', reason),
    ],
  };
}

/**
 * Reads an operator profile of ONNX Runtime (events of category `Node` named `…_kernel_time`, `dur` in µs).
 * Counts are distinct nodes, so of one inference however many were recorded. `operators.integer.share`: share of
 * the kernels' time, 0…1, in kernels that compute on 8-bit integers (QLinear…, …Integer, or an 8-bit first
 * input); `operators.convert.share`: in QuantizeLinear and DequantizeLinear. Profiling slows operators unevenly:
 * shares, not latencies. `whyNoTime` where times mean nothing, as when emulated; counts stay.
 */
export function readOperatorProfile(bytes: Uint8Array, whyNoTime: string | undefined): OperatorProfile {
  const kernels = parseKernels(bytes);
  if (kernels.length === 0) return missingProfile('bad-profile: no kernel events in it');
  const totalUs = kernels.reduce((sum, kernel) => sum + kernel.durationUs, 0);
  const share = (quantity: string, of: (kernel: Kernel) => boolean): Reading => {
    if (whyNoTime !== undefined) return unavailable(quantity, '1', whyNoTime);
    if (totalUs === 0) return unavailable(quantity, '1', 'below-resolution: all kernels took less than 1 µs');
    const partUs = kernels.filter(of).reduce((sum, kernel) => sum + kernel.durationUs, 0);
    return available({ quantity, status: 'derived', value: partUs / totalUs, unit: '1', method });
  };
  const groups = Map.groupBy(kernels, (kernel) => `${kernel.type}\n${kernel.kind}`);
  const operators = [...groups.values()].map((group): OperatorUse => {
    const [{ type, kind }] = group as [Kernel, ...Kernel[]];
    return {
      type,
      kind,
      count: new Set(group.map((kernel) => kernel.node)).size,
      timeShare: share('operators.share', (kernel) => kernel.type === type && kernel.kind === kind),
    };
  });
  return {
    operators: operators.sort((a, b) => shareOf(b) - shareOf(a) || (a.type < b.type ? -1 : 1)),
    readings: [
      share('operators.integer.share', (kernel) => kernel.kind === 'integer'),
      share('operators.convert.share', (kernel) => kernel.kind === 'convert'),
    ],
  };
}

interface Kernel {
  readonly type: string;
  readonly kind: OperatorUse['kind'];
  readonly node: string;
  readonly durationUs: number;
}

function parseKernels(bytes: Uint8Array): Kernel[] {
  const events = parseEvents(bytes);
  return events.flatMap((event) => {
    const parsed = eventSchema.safeParse(event);
    if (!parsed.success || parsed.data.cat !== 'Node' || !parsed.data.name?.endsWith('_kernel_time'))
      return [];
    const { name, dur, args } = parsed.data;
    if (!args?.op_name) return [];
    const inputType = Object.keys(args.input_type_shape?.[0] ?? {})[0];
    return [
      {
        type: args.op_name,
        kind: kindOf(args.op_name, inputType),
        node: `${args.node_index ?? ''} ${name}`,
        durationUs: Math.max(0, dur ?? 0),
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

function shareOf(operator: OperatorUse): number {
  return operator.timeShare.status === 'unavailable' ? operator.count / 1e6 : operator.timeShare.value;
}
