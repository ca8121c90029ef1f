import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import type { TensorInfo } from '../artefacts/artefacts.ts';
import type { OrtChildOptions } from '../ort/ort-child.ts';
import { elementBytes, findElementType } from './element-type.ts';
import { costOperator, isUncounted, type OperatorCost } from './operator-table.ts';
import { type SaturationScan, scanSaturation } from './scan-saturation.ts';
import { elementCount, inferShapes, type TensorType } from './shapes.ts';
import { describeNode, walkNodes, walkTensors } from './walk-graph.ts';

/** What a model's file tells, without measuring. Sizes for batch 1. */
export interface Inspection {
  readonly irVersion: number;
  readonly opsets: Record<string, number>;
  readonly producer: string;
  /** Inputs that have to be fed; overridable initialisers are left out. */
  readonly inputs: TensorInfo[];
  readonly outputs: TensorInfo[];
  /** By type, subgraphs included. */
  readonly operators: Record<string, number>;
  /** Operators of the main graph with their costs, in file order. */
  readonly costs: readonly OperatorCost[];
  /** Numbers in the initialisers and constants. */
  readonly parameters: number;
  /** Bytes of the same, by element type. */
  readonly weightBytes: Record<string, number>;
  /** Multiply-accumulates of one inference; absent where an operator's are not known. */
  readonly macs?: number;
  /** Every operator's inputs, weights and outputs once: the traffic without any reuse between operators. */
  readonly compulsoryBytes?: number;
  /** Weights, model inputs and outputs once: the traffic if all activations stayed in cache. */
  readonly minimumBytes?: number;
  /** Operations (2 per multiply-accumulate) per compulsory byte. */
  readonly intensityPerByte?: number;
  /** Operators with int8 weights that may saturate on x86 without VNNI. */
  readonly saturation: SaturationScan;
  readonly notes: readonly string[];
}

/**
 * Reads operators, costs and number formats off a model that `readModel` has accepted. Shapes come from ONNX
 * Runtime in a child process; its refusals pass through. `intensityPerByte` and bytes are of the graph as it is
 * in the file: a runtime fuses operators, which moves less.
 */
export async function inspectModel(model: ModelProto, options: OrtChildOptions = {}): Promise<Inspection> {
  const graph = model.graph!;
  const types = await inferShapes(model, options);
  const costs = graph.node.map((node) => costOperator(node, types));
  const macs = sum(costs.map((cost) => cost.macs));
  const compulsoryBytes = sum(costs.map((cost) => cost.compulsoryBytes));
  const minimumBytes = countMinimumBytes(model, types);
  return {
    irVersion: Number(model.irVersion),
    opsets: Object.fromEntries(
      model.opsetImport.map(({ domain, version }) => [domain || 'ai.onnx', Number(version)]),
    ),
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' '),
    inputs: describeInputs(model),
    outputs: graph.output.map((output) => describeValue(output, types)),
    operators: countOperatorTypes(model),
    costs,
    ...countParameters(model),
    ...(macs === undefined ? {} : { macs }),
    ...(compulsoryBytes === undefined ? {} : { compulsoryBytes }),
    ...(minimumBytes === undefined ? {} : { minimumBytes }),
    ...(macs === undefined || !compulsoryBytes ? {} : { intensityPerByte: (2 * macs) / compulsoryBytes }),
    saturation: scanSaturation(model),
    notes: explainGaps(model, costs),
  };
}

function describeInputs(model: ModelProto): TensorInfo[] {
  const constants = new Set(model.graph!.initializer.map((tensor) => tensor.name));
  return model
    .graph!.input.filter((input) => !constants.has(input.name))
    .map((input) => describeValue(input));
}

type GraphValue = NonNullable<ModelProto['graph']>['input'][number];

/** As the file declares it, so that symbolic dimensions keep their names; inferred where it does not. */
function describeValue(value: GraphValue, types?: ReadonlyMap<string, TensorType>): TensorInfo {
  const inferred = types?.get(value.name);
  const type = value.type?.value;
  if (type?.case !== 'tensorType' || !type.value.shape) {
    return {
      name: value.name,
      elementType: inferred?.elementType ?? '',
      shape: [...(inferred?.shape ?? [])],
    };
  }
  const shape = type.value.shape.dim.map((dim) => {
    if (dim.value.case === 'dimValue') return Number(dim.value.value);
    return dim.value.case === 'dimParam' && dim.value.value !== '' ? dim.value.value : '?';
  });
  return { name: value.name, elementType: findElementType(type.value.elemType)?.name ?? '', shape };
}

function countOperatorTypes(model: ModelProto): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of walkNodes(model.graph!)) {
    const type =
      node.domain === '' || node.domain === 'ai.onnx' ? node.opType : `${node.domain}.${node.opType}`;
    counts[type] = (counts[type] ?? 0) + 1;
  }
  return counts;
}

function countParameters(model: ModelProto): { parameters: number; weightBytes: Record<string, number> } {
  const weightBytes: Record<string, number> = {};
  let parameters = 0;
  for (const tensor of walkTensors(model.graph!)) {
    const elements = tensor.dims.reduce((product, size) => product * Number(size), 1);
    const elementType = findElementType(tensor.dataType)?.name ?? `type ${tensor.dataType}`;
    parameters += elements;
    weightBytes[elementType] = (weightBytes[elementType] ?? 0) + elementBytes(elementType, elements);
  }
  return { parameters, weightBytes };
}

function countMinimumBytes(model: ModelProto, types: ReadonlyMap<string, TensorType>): number | undefined {
  const graph = model.graph!;
  const names = new Set([...graph.initializer, ...graph.input, ...graph.output].map(({ name }) => name));
  return sum(
    [...names].map((name) => {
      const type = types.get(name);
      const elements = type ? elementCount(type.shape) : undefined;
      return type && elements !== undefined ? elementBytes(type.elementType, elements) : undefined;
    }),
  );
}

function explainGaps(model: ModelProto, costs: readonly OperatorCost[]): string[] {
  const uncounted = model.graph!.node.filter(isUncounted);
  const unknown = costs.filter((cost) => cost.macs === undefined).length - uncounted.length;
  const notes = uncounted
    .slice(0, 5)
    .map((node) => `No multiply-accumulates are counted for ${describeNode(node)}.`);
  if (unknown > 0) notes.push(`Shapes of ${unknown} operators depend on dimensions that are not fixed.`);
  return notes;
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  let total = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    total += value;
  }
  return total;
}
