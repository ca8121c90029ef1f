import type { NodeProto, TensorProto } from '../../../gen/onnx/onnx_pb.js';
import { readInt } from '../../onnx/attribute.ts';
import type { Constant, ConstantScope } from '../rewrite/constant-scope.ts';

/** An LSTM with constant weights W `[directions, 4 * hidden, input]` and R `[directions, 4 * hidden, hidden]`. */
export interface Lstm {
  readonly node: NodeProto;
  readonly inputWeight: Constant;
  readonly recurrentWeight: Constant;
}

/** How a node fits `Lstm`, or why it stays float; undefined where it is no recurrent operator. */
export function matchLstm(
  node: NodeProto,
  scope: ConstantScope,
): Lstm | { readonly reason: string } | undefined {
  if (node.domain !== '' && node.domain !== 'ai.onnx') return undefined;
  if (node.opType === 'GRU' || node.opType === 'RNN')
    return { reason: 'ONNX Runtime has no integer kernel for it' };
  if (node.opType !== 'LSTM') return undefined;
  const [inputWeight, recurrentWeight] = [scope.find(node.input[1] ?? ''), scope.find(node.input[2] ?? '')];
  if (!inputWeight || !recurrentWeight) return { reason: 'its weights are not constant' };
  if (![inputWeight, recurrentWeight].every(({ tensor }) => isFloatBlock(tensor)))
    return { reason: 'its weights are not float32 of 3 dimensions' };
  if (readInt(node, 'layout', 0) !== 0) return { reason: 'its batch dimension comes first' };
  return { node, inputWeight, recurrentWeight };
}

/** TensorProto.FLOAT */
const float32 = 1;

function isFloatBlock({ dataType, dims }: TensorProto): boolean {
  return dataType === float32 && dims.length === 3 && !dims.includes(0n);
}
