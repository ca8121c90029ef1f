import { readFile } from 'node:fs/promises';
import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import type { LayerCheck } from '../../artefacts/artefacts.ts';
import { indexGraph } from '../../onnx/graph-index.ts';
import { parseModel } from '../../onnx/parse-model.ts';
import { elementCount } from '../../onnx/shapes.ts';
import { readTensor } from '../../onnx/tensor.ts';
import { addNoise, type NoiseSums, noNoise, sqnrOf } from '../../ort/noise-sums.ts';
import { OrtChild } from '../../ort/ort-child.ts';
import type { OpenRequest, TensorPair } from '../../ort/ort-messages.ts';
import { withOutputs } from '../calibration/augment-model.ts';
import { groupBySize, maxExposedBytes } from '../calibration/group-by-size.ts';
import type { SourceModel, Workbench } from '../workbench.ts';

/** Inputs on which layers are compared: sums over whole tensors need no more. */
const layerInputs = 4;

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
 * it is (but for int8 activations on x64, which ONNX Runtime turns into uint8 only where nobody sees them).
 */
export async function checkLayers(request: LayerCheckRequest, bench: Workbench): Promise<LayerCheck> {
  const file = parseModel(await readFile(request.path));
  const steps = findSteps(file, request.activations);
  const activations = request.activations.filter((tensor) => steps.has(tensor));
  const outputs = file.graph!.output.map(({ name }) => name);
  const codes = activations.map((tensor): TensorPair => {
    const { codes: name, ...scale } = steps.get(tensor)!;
    return { reference: name, candidate: name, referenceScale: scale, candidateScale: scale };
  });
  const values = codes.map(({ candidate, candidateScale }, i): TensorPair => {
    return { reference: activations[i]!, candidate, candidateScale: candidateScale! };
  });
  const ends = outputs.map((name) => ({ reference: name, candidate: name }));
  const kernels = { model: file, optimisation: 'all' } as const;
  const simulation = { model: file, optimisation: 'disabled' } as const;
  const float = { model: request.source.model, optimisation: 'all' } as const;
  const gap = await compareInGroups([simulation, kernels], [...codes, ...ends], request.source, bench);
  const loss = await compareInGroups([float, simulation], [...values, ...ends], request.source, bench);
  const inputs = Math.min(layerInputs, bench.samples.count);
  return summarise([...activations, ...outputs], { gap, loss, outputs: outputs.length, inputs });
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
  const inside = layers.length - outputs;
  return { inputs, activations: layers.slice(0, inside), outputs: layers.slice(inside) };
}

/** Absent where nothing differs: there is no finite number of decibels then. */
function decibels<Key extends string>(key: Key, sums: NoiseSums): { [K in Key]?: number } {
  const sqnrDb = sqnrOf(sums);
  return (Number.isFinite(sqnrDb) ? { [key]: sqnrDb } : {}) as { [K in Key]?: number };
}

interface Side {
  readonly model: ModelProto;
  readonly optimisation: OpenRequest['optimisation'];
}

/** One result per pair, over all inputs. A group of tensors is exposed at a time, so that the others need no memory. */
async function compareInGroups(
  sides: readonly [Side, Side],
  pairs: readonly TensorPair[],
  { types }: SourceModel,
  bench: Workbench,
): Promise<NoiseSums[]> {
  const sizeOf = (pair: TensorPair): number =>
    4 * (elementCount(types.get(pair.reference)?.shape ?? []) ?? 1);
  await using child = OrtChild.take(bench.limits);
  const sums: NoiseSums[] = [];
  for (const group of groupBySize(pairs, sizeOf, maxExposedBytes)) {
    await openExposed(
      child,
      'reference',
      sides[0],
      group.map(({ reference }) => reference),
      bench,
    );
    await openExposed(
      child,
      'candidate',
      sides[1],
      group.map(({ candidate }) => candidate),
      bench,
    );
    let total = group.map(() => noNoise);
    for await (const feeds of bench.samples.feeds(layerInputs)) {
      const found = await child.compare({ ...slots, feeds, pairs: group });
      total = total.map((before, i) => addNoise(before, found[i]!));
    }
    sums.push(...total);
  }
  return sums;
}

const slots = { referenceSlot: 'reference', candidateSlot: 'candidate' };

/** With the model's own outputs beside them: an output that is none any more would be fused otherwise. */
async function openExposed(
  child: OrtChild,
  slot: string,
  { model, optimisation }: Side,
  tensors: readonly string[],
  bench: Workbench,
): Promise<void> {
  const outputs = model.graph!.output.map(({ name }) => name);
  const { path } = await bench.write(
    `exposed-${slot}`,
    withOutputs(model, [...new Set([...tensors, ...outputs])]),
  );
  await child.open({ slot, path, optimisation });
}

interface Step {
  /** Tensor that holds the activation's codes. */
  readonly codes: string;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** What quantizes each activation in the file: its QuantizeLinear, whatever that and its output are named. */
function findSteps(file: ModelProto, tensors: readonly string[]): Map<string, Step> {
  const { consumers, initialisers } = indexGraph(file.graph!);
  const steps = new Map<string, Step>();
  for (const tensor of tensors) {
    const step = consumers.get(tensor)?.find(({ opType }) => opType === 'QuantizeLinear');
    const [scale, zeroPoint] = [1, 2].map((position) => initialisers.get(step?.input[position] ?? ''));
    if (!step || !scale || !zeroPoint) continue;
    steps.set(tensor, {
      codes: step.output[0]!,
      scale: Number(readTensor(scale).data[0]),
      zeroPoint: Number(readTensor(zeroPoint).data[0]),
    });
  }
  return steps;
}
