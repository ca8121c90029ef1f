import { QfleetError } from '@qfleet/shared/errors.ts';
import type { GraphProto, ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { copyModel } from '../../onnx/copy-model.ts';
import { NamePool } from '../../onnx/name-pool.ts';
import type { TensorType } from '../../onnx/shapes.ts';
import { walkNodes } from '../../onnx/walk-graph.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { countConversion } from '../rewrite/count-conversion.ts';
import { dropUnusedConstants } from '../rewrite/drop-unused-constants.ts';
import { importMicrosoftOperators } from '../rewrite/import-microsoft-operators.ts';
import { KeptOperators } from '../rewrite/kept-operators.ts';
import { type MatrixProduct, matchMatrixProduct } from '../rewrite/matrix-product.ts';
import { replaceNodes } from '../rewrite/replace-nodes.ts';
import { requireOpset } from '../rewrite/require-opset.ts';
import { walkScopes } from '../rewrite/walk-scopes.ts';
import { refuseQuantized } from '../static/quantize-static.ts';
import { BlockWriter, type BlockWriterOptions } from './block-writer.ts';
import { countBlockBytes } from './quantize-blocks.ts';

export interface Int4Options {
  /** Weights along K that share a scale: a power of two, 16…256. Default 32. */
  readonly blockSize?: number;
  /** Default asymmetric: a zero point per block, 4 bits more. */
  readonly symmetry?: 'asymmetric' | 'symmetric';
  /**
   * In what MatMulNBits computes: 1 float32, the same on every device; 4 int8 activations, faster where there
   * is a kernel, and then different from device to device. Always written, since without it runtimes choose.
   */
  readonly accuracyLevel?: 1 | 4;
}

/**
 * Constant 2-D weights of MatMul and Gemm as 4-bit blocks in MatMulNBits (com.microsoft 1);
 * activations stay float32. Subgraphs too. Weights that would not get smaller stay float. Pure. Throws
 * `refused` where nothing can be quantized, is quantized already or a weight is not finite,
 * `invalid-argument` for a block size that there is no kernel for, `unsupported` below opset 7.
 */
export function quantizeWeightsInt4(
  folded: ModelProto,
  types: ReadonlyMap<string, TensorType>,
  options: Int4Options = {},
): ConvertedModel {
  const resolved = resolveOptions(options);
  refuseQuantized(folded);
  requireOpset(folded);
  const model = copyModel(folded);
  const graph = model.graph!;
  const kept = new KeptOperators();
  const products = planProducts(graph, { types, options: resolved, kept });
  if (products.length === 0) throw nothingToQuantize(graph, kept);
  const counts = countConversion(graph, types, new Set(products.map(({ node }) => node)));
  const writer = new BlockWriter(new NamePool(graph), resolved);
  replaceNodes(graph, new Map(products.map((product) => [product.node, writer.replace(product)])));
  dropUnusedConstants(graph);
  graph.valueInfo = [];
  importMicrosoftOperators(model);
  return { model, ...counts, notes: kept.describe() };
}

function resolveOptions(options: Int4Options): BlockWriterOptions {
  const { blockSize = 32, symmetry = 'asymmetric', accuracyLevel = 1 } = options;
  if ([16, 32, 64, 128, 256].includes(blockSize)) {
    return { blockSize, isSymmetric: symmetry === 'symmetric', accuracyLevel };
  }
  throw new QfleetError('invalid-argument', `Block size ${blockSize} does not work.`, {
    hint: 'Choose 16, 32, 64, 128 or 256.',
  });
}

function planProducts(
  graph: GraphProto,
  context: {
    readonly types: ReadonlyMap<string, TensorType>;
    readonly options: BlockWriterOptions;
    readonly kept: KeptOperators;
  },
): MatrixProduct[] {
  const products: MatrixProduct[] = [];
  for (const { node, scope } of walkScopes(graph)) {
    const match = matchMatrixProduct(node, scope);
    if (!match) continue;
    const reason = 'reason' in match ? match.reason : whyFloat(match, context);
    if (reason !== undefined) context.kept.add(node, reason);
    else products.push(match as MatrixProduct);
  }
  return products;
}

function whyFloat(
  { input, rows, columns }: MatrixProduct,
  {
    types,
    options,
  }: { readonly types: ReadonlyMap<string, TensorType>; readonly options: BlockWriterOptions },
): string | undefined {
  const shape = types.get(input)?.shape;
  if (shape?.length === 1) return 'its input is a vector, which MatMulNBits does not take';
  if (countBlockBytes(rows, columns, options) < 4 * rows * columns) return undefined;
  return `blocks of ${options.blockSize} would make its weights [${rows}, ${columns}] larger`;
}

function nothingToQuantize(graph: GraphProto, kept: KeptOperators): QfleetError {
  const hasConv = [...walkNodes(graph)].some(({ node }) => node.opType === 'Conv');
  return new QfleetError(
    'refused',
    ['There is nothing to quantize: no MatMul or Gemm with constant weights.', ...kept.describe()].join(' '),
    {
      hint: hasConv
        ? 'Convolutions have no 4-bit kernel: choose an int8 recipe for such a model.'
        : 'Measure the model as it is, or try fp16.',
    },
  );
}
