import { QfleetError } from '@qfleet/shared/errors.ts';
import type { NodeProto } from '../../../gen/onnx/onnx_pb.js';
import { findAttribute, readInt, readString } from '../attribute.ts';
import { findElementType } from '../element-type.ts';
import { describeNode } from '../walk-graph.ts';
import { convInteger } from './conv-integer.ts';
import type { ConvAttributes } from './conv-window.ts';
import { dequantizeLinear } from './dequantize-linear.ts';
import { dynamicQuantizeLinear } from './dynamic-quantize-linear.ts';
import { matMulInteger } from './mat-mul-integer.ts';
import type { Granularity } from './parameter-index.ts';
import { qLinearConv } from './q-linear-conv.ts';
import { qLinearMatMul } from './q-linear-mat-mul.ts';
import { quantizeLinear } from './quantize-linear.ts';
import type { Value } from './value.ts';

/** An operator's inputs in its own order; undefined where an optional one is left out. */
type Inputs = readonly (Value | undefined)[];

/**
 * Runs one quantized operator on the reference implementation; its outputs in the operator's order. Throws
 * `unsupported` for other operators, else what the operator's own function throws.
 */
export function runReferenceNode(node: NodeProto, inputs: Inputs): Value[] {
  const run = Object.hasOwn(operators, node.opType) ? operators[node.opType] : undefined;
  if (run) return run(node, inputs);
  throw new QfleetError('unsupported', `The reference has no operator like ${describeNode(node)}.`);
}

const operators: Readonly<Record<string, (node: NodeProto, inputs: Inputs) => Value[]>> = {
  QuantizeLinear: (node, [x, scale, zeroPoint]) => [
    quantizeLinear(
      { x: x!, scale: scale!, zeroPoint },
      { ...granularityOf(node), elementType: findElementType(readInt(node, 'output_dtype', 0))?.name },
    ),
  ],
  DequantizeLinear: (node, [x, scale, zeroPoint]) => [
    dequantizeLinear({ x: x!, scale: scale!, zeroPoint }, granularityOf(node)),
  ],
  DynamicQuantizeLinear: (_, [x]) => {
    const { y, scale, zeroPoint } = dynamicQuantizeLinear(x!);
    return [y, scale, zeroPoint];
  },
  MatMulInteger: (_, [a, b, aZeroPoint, bZeroPoint]) => [
    matMulInteger({ a: a!, b: b!, aZeroPoint, bZeroPoint }),
  ],
  ConvInteger: (node, [x, w, xZeroPoint, wZeroPoint]) => [
    convInteger({ x: x!, w: w!, xZeroPoint, wZeroPoint }, convAttributesOf(node)),
  ],
  QLinearMatMul: (_, [a, aScale, aZeroPoint, b, bScale, bZeroPoint, yScale, yZeroPoint]) => [
    qLinearMatMul({
      a: { value: a!, scale: aScale!, zeroPoint: aZeroPoint! },
      b: { value: b!, scale: bScale!, zeroPoint: bZeroPoint! },
      yScale: yScale!,
      yZeroPoint: yZeroPoint!,
    }),
  ],
  QLinearConv: (node, [x, xScale, xZeroPoint, w, wScale, wZeroPoint, yScale, yZeroPoint, bias]) => [
    qLinearConv(
      {
        x: { value: x!, scale: xScale!, zeroPoint: xZeroPoint! },
        w: { value: w!, scale: wScale!, zeroPoint: wZeroPoint! },
        yScale: yScale!,
        yZeroPoint: yZeroPoint!,
        bias,
      },
      convAttributesOf(node),
    ),
  ],
};

function granularityOf(node: NodeProto): Granularity {
  return { axis: readInt(node, 'axis', 1), blockSize: readInt(node, 'block_size', 0) };
}

function convAttributesOf(node: NodeProto): ConvAttributes {
  const ints = (name: string): number[] | undefined => findAttribute(node, name)?.ints.map(Number);
  return {
    group: readInt(node, 'group', 1),
    strides: ints('strides'),
    dilations: ints('dilations'),
    pads: ints('pads'),
    autoPad: readString(node, 'auto_pad', 'NOTSET'),
  };
}
