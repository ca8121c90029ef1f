import { readFile } from 'node:fs/promises';
import { create } from '@bufbuild/protobuf';
import { type ModelProto, ValueInfoProtoSchema } from '../../../gen/onnx/onnx_pb.js';
import type { LayerCheck } from '../../artefacts/artefacts.ts';
import { indexGraph } from '../../onnx/graph-index.ts';
import { parseModel } from '../../onnx/parse-model.ts';
import { elementCount } from '../../onnx/shapes.ts';
import { readTensor } from '../../onnx/tensor.ts';
import { withOutputs } from '../calibration/augment-model.ts';
import { groupBySize, maxExposedBytes } from '../group-by-size.ts';
import { addNoise, type NoiseSums, noNoise, sqnrOf } from '../noise-sums.ts';
import { OrtChild } from '../ort-child.ts';
import type { Feeds, TensorPair } from '../ort-messages.ts';
import { quantizedName } from '../qdq-emitter.ts';
import type { SourceModel, Workbench } from '../workbench.ts';

/** Inputs on which layers are compared: sums over whole tensors need no more. */
const layerInputs = 8;
/** Layers that are named, the worst first. */
const maxNamed = 8;

export interface LayerCheckRequest {
  /** The variant's file. */
  readonly path: string;
  /** What it was quantized from. */
  readonly source: SourceModel;
  /** Activations that have codes in the file and the same name in the source. */
  readonly activations: readonly string[];
}

/**
 * Holds the variant against two others, activation by activation and at the outputs: against itself as fake
 * quantization (every operator in float32 between quantize steps, nothing fused), which is what its ranges were chosen
 * for, and that against the float model. The first is the gap between simulation and the kernels of this machine,
 * the second the loss that quantization means to cost. Codes are exposed, not float values, so that fusion stays as
 * it is.
 */
export async function checkLayers(request: LayerCheckRequest, bench: Workbench): Promise<LayerCheck> {
  const inputs = (await bench.samples.kept()).slice(0, layerInputs);
  const file = parseModel(await readFile(request.path));
  const scales = readScales(file, request.activations);
  const activations = request.activations.filter((tensor) => scales.has(tensor));
  const outputs = file.graph!.output.map(({ name }) => name);
  const tapped = await bench.write('tapped', expose(file, activations.map(quantizedName)));
  const source = await bench.write(
    'tapped-source',
    withOutputs(request.source.model, [...activations, ...outputs]),
  );
  await using child = new OrtChild(bench.limits);
  await child.open({ slot: 'kernels', path: tapped.path, optimisation: 'all' });
  await child.open({ slot: 'simulation', path: tapped.path, optimisation: 'disabled' });
  await child.open({ slot: 'float', path: source.path, optimisation: 'all' });
  const codes = activations.map((tensor): TensorPair => {
    const scale = scales.get(tensor)!;
    const name = quantizedName(tensor);
    return { reference: name, candidate: name, referenceScale: scale, candidateScale: scale };
  });
  const values = codes.map(({ candidate, candidateScale }, i): TensorPair => {
    return { reference: activations[i]!, candidate, candidateScale: candidateScale! };
  });
  const ends = outputs.map((name) => ({ reference: name, candidate: name }));
  const compare = (slots: { referenceSlot: string; candidateSlot: string }, pairs: TensorPair[]) =>
    compareInGroups(child, inputs, request.source, { ...slots, pairs: [...pairs, ...ends] });
  const gap = await compare({ referenceSlot: 'simulation', candidateSlot: 'kernels' }, codes);
  const loss = await compare({ referenceSlot: 'float', candidateSlot: 'simulation' }, values);
  return summarise([...activations, ...outputs], {
    gap,
    loss,
    outputs: outputs.length,
    inputs: inputs.length,
  });
}

interface Comparisons {
  /** Kernels against simulation, simulation against float, in the order of the tensors. */
  readonly gap: readonly NoiseSums[];
  readonly loss: readonly NoiseSums[];
  readonly outputs: number;
  readonly inputs: number;
}

function summarise(tensors: readonly string[], { gap, loss, outputs, inputs }: Comparisons): LayerCheck {
  const layers = tensors.map((tensor, i) => ({
    tensor,
    ...decibels('simulationSqnrDb', loss[i]!),
    ...decibels('kernelSqnrDb', gap[i]!),
    codesDiffer: gap[i]!.count === 0 ? 0 : gap[i]!.different / gap[i]!.count,
  }));
  const atOutputs = layers.slice(-outputs);
  const inside = layers.slice(0, layers.length - outputs);
  const worst = inside
    .toSorted((a, b) => (a.simulationSqnrDb ?? Infinity) - (b.simulationSqnrDb ?? Infinity))
    .slice(0, maxNamed);
  return { inputs, layers: inside.length, outputs: atOutputs, worst };
}

/** Absent where nothing differs: there is no finite number of decibels then. */
function decibels<Key extends string>(key: Key, sums: NoiseSums): { [K in Key]?: number } {
  const sqnrDb = sqnrOf(sums);
  return (Number.isFinite(sqnrDb) ? { [key]: sqnrDb } : {}) as { [K in Key]?: number };
}

async function compareInGroups(
  child: OrtChild,
  inputs: readonly Feeds[],
  { types }: SourceModel,
  { pairs, ...slots }: { referenceSlot: string; candidateSlot: string; pairs: readonly TensorPair[] },
): Promise<NoiseSums[]> {
  const sizeOf = ({ reference }: TensorPair): number =>
    4 * (elementCount(types.get(reference)?.shape ?? []) ?? 1);
  const sums: NoiseSums[] = [];
  for (const group of groupBySize(pairs, sizeOf, maxExposedBytes)) {
    let total = group.map(() => noNoise);
    for (const feeds of inputs) {
      const found = await child.compare({ ...slots, feeds, pairs: group });
      total = total.map((before, i) => addNoise(before, found[i]!));
    }
    sums.push(...total);
  }
  return sums;
}

function readScales(
  file: ModelProto,
  tensors: readonly string[],
): Map<string, { scale: number; zeroPoint: number }> {
  const { producers, initialisers } = indexGraph(file.graph!);
  const scales = new Map<string, { scale: number; zeroPoint: number }>();
  for (const tensor of tensors) {
    const step = producers.get(quantizedName(tensor));
    const [scale, zeroPoint] = [1, 2].map((position) => initialisers.get(step?.input[position] ?? ''));
    if (!scale || !zeroPoint) continue;
    scales.set(tensor, {
      scale: Number(readTensor(scale).data[0]),
      zeroPoint: Number(readTensor(zeroPoint).data[0]),
    });
  }
  return scales;
}

function expose(model: ModelProto, names: readonly string[]): ModelProto {
  const declared = new Set(model.graph!.output.map(({ name }) => name));
  for (const name of names)
    if (!declared.has(name)) model.graph!.output.push(create(ValueInfoProtoSchema, { name }));
  return model;
}
