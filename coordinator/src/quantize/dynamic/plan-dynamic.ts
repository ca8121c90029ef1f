import type { GraphProto, NodeProto } from '../../../gen/onnx/onnx_pb.js';
import type { ConstantScope } from '../rewrite/constant-scope.ts';
import type { KeptOperators } from '../rewrite/kept-operators.ts';
import { type MatrixProduct, matchMatrixProduct } from '../rewrite/matrix-product.ts';
import { walkScopes } from '../rewrite/walk-scopes.ts';
import { type Lstm, matchLstm } from './match-lstm.ts';

/** What will be quantized, in file order. */
export interface DynamicPlan {
  readonly products: readonly { readonly product: MatrixProduct; readonly graph: GraphProto }[];
  readonly lstms: readonly Lstm[];
}

const convolutionReasons: Readonly<Record<string, string>> = {
  Conv: 'scales computed anew for each input make convolutions slower and less exact; static int8 recipes quantize them',
  ConvTranspose: 'ONNX Runtime has no integer kernel for it; int8-s8s8-sym, for TensorRT, quantizes it',
};

/** Finds what can be quantized without calibration, in subgraphs too; what cannot goes to `kept` with a reason. */
export function planDynamic(graph: GraphProto, kept: KeptOperators): DynamicPlan {
  const products: { product: MatrixProduct; graph: GraphProto }[] = [];
  const lstms: Lstm[] = [];
  for (const { node, scope } of walkScopes(graph)) {
    const match = matchOperator(node, scope);
    if (!match) continue;
    if ('reason' in match) kept.add(node, match.reason);
    else if ('rows' in match) products.push({ product: match, graph: scope.graph });
    else lstms.push(match);
  }
  return { products, lstms };
}

function matchOperator(
  node: NodeProto,
  scope: ConstantScope,
): MatrixProduct | Lstm | { readonly reason: string } | undefined {
  const isOnnx = node.domain === '' || node.domain === 'ai.onnx';
  const reason = isOnnx ? convolutionReasons[node.opType] : undefined;
  if (reason !== undefined) return { reason };
  return matchMatrixProduct(node, scope) ?? matchLstm(node, scope);
}
