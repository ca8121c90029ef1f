import type { ModelProto } from '../../../gen/onnx/onnx_pb.js';
import { indexGraph } from '../../onnx/graph-index.ts';
import { countElements } from '../../onnx/tensor.ts';
import { chooseRanges, findObserver } from '../calibration/observers/find-observer.ts';
import type { ObserverSpec } from '../calibration/observers/observer.ts';
import { measurePooledNoise } from '../check/measure-output-noise.ts';
import type { ConvertedModel } from '../converted-model.ts';
import { isRefusal } from '../is-refusal.ts';
import { chooseKeptFloat } from '../passes/choose-kept-float.ts';
import { chooseObserver, searchedObservers } from '../passes/choose-observer.ts';
import { measureBiasCorrections } from '../passes/correct-bias.ts';
import { equalize } from '../passes/equalize.ts';
import type { StaticRecipe } from '../recipes/recipe.ts';
import type { SourceModel, StatisticsRequest, Workbench } from '../workbench.ts';
import type { Ranges } from './choose-activation-scales.ts';
import { emitStatic, listMacNodes, planStatic, type StaticPlan } from './quantize-static.ts';

export interface StaticConversion extends ConvertedModel {
  /** What was quantized: the folded model, equalized where the recipe says so. */
  readonly source: SourceModel;
  /** The one that was used. */
  readonly observer: ObserverSpec;
  /** By the source's tensor names. */
  readonly ranges: Ranges;
  /** Activations with their scales, by tensor. */
  readonly activations: readonly string[];
}

interface Choices {
  readonly keptFloat?: ReadonlySet<string> | undefined;
  readonly corrections?: ReadonlyMap<string, Float32Array> | undefined;
}

interface Emission {
  readonly plan: StaticPlan;
  readonly converted: ConvertedModel;
}

/** Says which tensors a recipe will ask for, so that all recipes are calibrated in one pass. Throws as `planStatic`. */
export async function announceStatic(recipe: StaticRecipe, bench: Workbench): Promise<void> {
  bench.samples.requireInputs();
  bench.announce(
    bench.folded,
    wantedStatistics(recipe, planStatic(bench.folded.model, bench.folded.types, recipe)),
  );
}

function observersOf({ observer }: StaticRecipe): readonly ObserverSpec[] {
  return observer.method === 'search' ? searchedObservers : [observer];
}

function wantedStatistics(recipe: StaticRecipe, planned: StaticPlan): StatisticsRequest {
  return {
    tensors: recipe.goal ? planned.calibratableNames : planned.calibratedNames,
    hasHistograms: observersOf(recipe).some(({ method }) => findObserver(method).needsHistogram),
  };
}

/** A model with the ranges that a recipe's observer gives it. */
interface Calibrated {
  readonly source: SourceModel;
  readonly planned: StaticPlan;
  readonly observer: ObserverSpec;
  readonly ranges: Ranges;
  readonly emit: (choices?: Choices) => Emission;
  readonly notes: readonly string[];
}

/** Calibrates, corrects and writes a static recipe. Throws `refused` where model, data or recipe do not fit. */
export async function convertStatic(recipe: StaticRecipe, bench: Workbench): Promise<StaticConversion> {
  const plain = await calibrate(recipe, bench.folded, bench);
  const chosen = recipe.equalize ? await chooseEqualized(recipe, plain, bench) : plain;
  const { source, planned, observer, ranges, emit } = chosen;
  const correction: Correction = recipe.correctBias ? await correctBiases(chosen, bench) : { notes: [] };
  const { corrections } = correction;
  const choice = recipe.goal
    ? await chooseKeptFloat(recipe.goal, bench, {
        nodes: listMacNodes(planned),
        weightsOf: countWeights(planned.model),
        emit: (keptFloat) => emit({ keptFloat, corrections }).converted.model,
      })
    : { keptFloat: new Set<string>(), notes: [], warnings: [] };
  const { plan, converted } = emit({ keptFloat: choice.keptFloat, corrections });
  return {
    ...converted,
    notes: [...chosen.notes, ...correction.notes, ...choice.notes, ...converted.notes],
    warnings: choice.warnings ?? [],
    source,
    observer,
    ranges,
    activations: [...plan.plan.activations].filter((tensor) => isComparable(tensor, plan, source)),
  };
}

/** Elements of the constants that a node multiplies by; 0 where both operands are computed. */
function countWeights(model: ModelProto): (node: string) => number {
  const { initialisers } = indexGraph(model.graph!);
  const nodes = new Map(model.graph!.node.map((node) => [node.name, node]));
  const elementsOf = (input: string): number => {
    const dims = initialisers.get(input)?.dims;
    return dims ? countElements(dims.map(Number)) : 0;
  };
  return (name) => Math.max(...nodes.get(name)!.input.slice(0, 2).map(elementsOf));
}

/**
 * A tensor that raising the opset has added is not in the float model; where pooling stands between an operator and the
 * Clip that it absorbed, the one between is there another than in the float model.
 */
function isComparable(tensor: string, { clips }: StaticPlan, source: SourceModel): boolean {
  const clip = clips.get(tensor);
  return source.types.has(tensor) && (clip === undefined || clip.calibratedName === tensor);
}

async function calibrate(recipe: StaticRecipe, source: SourceModel, bench: Workbench): Promise<Calibrated> {
  const planned = planStatic(source.model, source.types, recipe);
  const statistics = await bench.statistics(source, wantedStatistics(recipe, planned));
  const rangesBy = (observer: ObserverSpec, from = statistics): Ranges =>
    chooseRanges(from, recipe.activations, observer);
  const emit = (ranges: Ranges, { keptFloat, corrections }: Choices = {}): Emission => {
    const plan = planStatic(source.model, source.types, recipe, keptFloat);
    return { plan, converted: emitStatic(plan, ranges, recipe, corrections) };
  };
  const { observer, notes } =
    recipe.observer.method === 'search'
      ? await chooseObserver(
          bench,
          statistics,
          (candidate, from) => emit(rangesBy(candidate, from)).converted.model,
        )
      : { observer: recipe.observer, notes: [] };
  const ranges = rangesBy(observer);
  return { source, planned, observer, ranges, notes, emit: (choices) => emit(ranges, choices) };
}

/** The equalized model, unless the outputs are as near to the float model's without. */
async function chooseEqualized(
  recipe: StaticRecipe,
  plain: Calibrated,
  bench: Workbench,
): Promise<Calibrated> {
  const withNote = (calibrated: Calibrated, note: string): Calibrated => ({
    ...calibrated,
    notes: [note, ...calibrated.notes],
  });
  const { pairs, source } = await equalizedModel(bench);
  if (pairs === 0) return withNote(plain, 'No two layers can be equalized.');
  const equalized = await calibrate(recipe, source, bench).catch((thrown: unknown) => {
    if (isRefusal(thrown)) return thrown;
    throw thrown;
  });
  if ('code' in equalized) return withNote(plain, `Weights not equalized: ${equalized.message}`);
  const models = [plain, equalized].map(({ emit }) => ({ model: emit().converted.model }));
  const [before, after] = await measurePooledNoise(bench, models);
  const figures = `output SQNR ${after!.toFixed(1)} dB with, ${before!.toFixed(1)} dB without`;
  return after! > before!
    ? withNote(equalized, `Weights of ${pairs} pairs of layers equalized: ${figures}.`)
    : withNote(plain, `Weights not equalized: ${figures}.`);
}

function equalizedModel(bench: Workbench): Promise<{ readonly pairs: number; readonly source: SourceModel }> {
  return bench.once('equalized', async () => {
    bench.onStep('equalizing');
    const { folded, inputs, limits } = bench;
    const { model, pairs } = await equalize(folded.model, folded.types, inputs, limits);
    return { pairs, source: { model, types: folded.types } };
  });
}

/**
 * Corrections for these ranges, unless the outputs are as near to the float model's without them, on other inputs than
 * they were measured on where there are enough.
 */
async function correctBiases({ source, planned, emit }: Calibrated, bench: Workbench): Promise<Correction> {
  const plain = emit().converted.model;
  const nodes = new Set(listMacNodes(planned));
  const { corrections, inputs } = await measureBiasCorrections({ source, quantized: plain, nodes }, bench);
  if (corrections.size === 0) return { notes: [] };
  const corrected = emit({ corrections }).converted.model;
  const isHeldOut = bench.samples.count >= 2 * inputs;
  const isJudgedOn = (input: number): boolean => !isHeldOut || input >= inputs;
  const judged = [plain, corrected].map((model) => ({ model, isJudgedOn }));
  const [before, after] = await measurePooledNoise(bench, judged);
  const figures = `output SQNR ${after!.toFixed(1)} dB with, ${before!.toFixed(1)} dB without${isHeldOut ? ', on held-out inputs' : ''}`;
  return after! > before!
    ? { corrections, notes: [`Biases of ${corrections.size} layers corrected: ${figures}.`] }
    : { notes: [`Biases not corrected: ${figures}.`] };
}

interface Correction {
  readonly corrections?: ReadonlyMap<string, Float32Array>;
  readonly notes: readonly string[];
}
