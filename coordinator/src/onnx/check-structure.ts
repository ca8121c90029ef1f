import { QfleetError } from '@qfleet/shared/errors.ts';
import {
  type GraphProto,
  type ModelProto,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
} from '../../gen/onnx/onnx_pb.js';
import { findElementType } from './element-type.ts';
import { describeNode, walkNodes, walkTensors } from './walk-graph.ts';

const maxSubgraphDepth = 16;
const maxTensorBytes = 2 ** 31 - 1;

/** Operator sets that ONNX Runtime has kernels for on every machine. */
const portableDomains = new Set([
  '',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview',
  'ai.onnx.preview.training',
  'com.microsoft',
]);

/** Operator sets that ONNX Runtime's optimiser uses for the very machine that it ran on. */
const machineDomains = new Set(['com.microsoft.nchwc', 'com.ms.internal.nhwc', 'com.microsoft.dml']);

/**
 * Checks what a graph says before anything loads it, subgraphs included: depth, operator
 * domains, inputs and outputs that are tensors, and that each initialiser has as many bytes as its
 * dimensions say. Throws `refused` naming the node or tensor. Whether operators exist and shapes fit is
 * ONNX Runtime's to say: `checkModel`.
 */
export function checkStructure(model: ModelProto): void {
  const graph = model.graph!;
  checkNodes(model, graph);
  for (const input of graph.input) checkTensorType(input, 'input');
  for (const output of graph.output) checkTensorType(output, 'output');
  if (graph.output.length === 0) throw new QfleetError('refused', 'The model has no output.');
  for (const tensor of walkTensors(graph)) checkTensor(tensor);
}

function checkNodes(model: ModelProto, graph: GraphProto): void {
  const ownDomains = new Set(model.functions.map((definition) => definition.domain));
  for (const { node, depth } of walkNodes(graph)) {
    if (depth > maxSubgraphDepth) {
      throw new QfleetError(
        'refused',
        `Subgraphs are nested deeper than ${maxSubgraphDepth} at ${describeNode(node)}.`,
      );
    }
    if (portableDomains.has(node.domain) || ownDomains.has(node.domain)) continue;
    throw new QfleetError(
      'refused',
      `Operator ${describeNode(node)} is of the domain "${node.domain}", which ONNX Runtime alone cannot run.`,
      { hint: domainHint(node.domain) },
    );
  }
}

function domainHint(domain: string): string {
  if (machineDomains.has(domain)) {
    return 'The file was written by an optimiser for one machine: add the model as it was before that.';
  }
  if (domain === 'com.microsoft.extensions') {
    return 'It needs onnxruntime-extensions (decoding, tokenising): export the network without these steps.';
  }
  return 'Export the model without custom operators, or as standard ONNX ones.';
}

function checkTensorType(value: ValueInfoProto, role: string): void {
  const kind = value.type?.value.case;
  if (kind === undefined || kind === 'tensorType') return;
  const words = kind.replace('Type', '').replace('sparseTensor', 'sparse tensor');
  throw new QfleetError('refused', `Model ${role} "${value.name}" is a ${words}, expected a tensor.`, {
    hint: 'Export without it; for classifiers of scikit-learn or CoreML turn ZipMap off.',
  });
}

function checkTensor(tensor: TensorProto): void {
  const dims = tensor.dims.map(Number);
  const count = dims.reduce((product, size) => product * size, 1);
  const bits = findElementType(tensor.dataType)?.bits;
  const shape = `"${tensor.name}" [${dims.join(', ')}]`;
  if (bits === undefined)
    throw new QfleetError('refused', `Tensor ${shape} has the unknown element type ${tensor.dataType}.`);
  if (dims.some((size) => !Number.isSafeInteger(size) || size < 0) || (count * bits) / 8 > maxTensorBytes) {
    throw new QfleetError('refused', `Tensor ${shape} has impossible dimensions.`, { hint: damaged });
  }
  if (tensor.dataLocation === TensorProto_DataLocation.EXTERNAL || bits === 0) return;
  const expected = Math.ceil((count * bits) / 8);
  if (
    tensor.rawData.length > 0
      ? tensor.rawData.length === expected
      : fieldLength(tensor) === fieldCount(count, bits)
  )
    return;
  const found =
    tensor.rawData.length > 0 ? `${tensor.rawData.length} bytes` : `${fieldLength(tensor)} values`;
  throw new QfleetError('refused', `Tensor ${shape} should have ${expected} bytes, the file has ${found}.`, {
    hint: damaged,
  });
}

/** Sub-byte types pack several elements into one int32. */
function fieldCount(count: number, bits: number): number {
  return bits >= 8 ? count : Math.ceil((count * bits) / 8);
}

/** Complex numbers take two values each. */
function fieldLength(tensor: TensorProto): number {
  const perElement = tensor.dataType === 14 || tensor.dataType === 15 ? 2 : 1;
  const lengths = [
    tensor.floatData,
    tensor.int32Data,
    tensor.int64Data,
    tensor.doubleData,
    tensor.uint64Data,
  ];
  return Math.max(...lengths.map((field) => field.length)) / perElement;
}

const damaged = 'The model file is damaged: export or download it again.';
