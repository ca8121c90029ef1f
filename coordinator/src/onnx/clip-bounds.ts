import type { NodeProto } from '../../gen/onnx/onnx_pb.js';
import { readFloat } from './attribute.ts';
import type { GraphIndex } from './graph-index.ts';
import { readFloats } from './tensor.ts';

/** What a Clip lets through, whether its bounds are attributes (until opset 10) or constants; undefined where they are computed. */
export function readClipBounds(
  node: NodeProto,
  { initialisers }: Pick<GraphIndex, 'initialisers'>,
): { readonly low: number; readonly high: number } | undefined {
  const bound = (position: number, attribute: string, fallback: number): number | undefined => {
    const name = node.input[position] ?? '';
    if (name === '') return readFloat(node, attribute, fallback);
    const tensor = initialisers.get(name);
    return tensor ? readFloats(tensor)[0] : undefined;
  };
  const low = bound(1, 'min', Number.NEGATIVE_INFINITY);
  const high = bound(2, 'max', Number.POSITIVE_INFINITY);
  return low === undefined || high === undefined ? undefined : { low, high };
}
