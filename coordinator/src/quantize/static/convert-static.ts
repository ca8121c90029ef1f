import { chooseRanges, findObserver } from '../calibration/observers/find-observer.ts';
import type { ObserverSpec } from '../calibration/observers/observer.ts';
import { measureOutputNoise } from '../check/measure-output-noise.ts';
import type { ConvertedModel } from '../converted-model.ts';
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
  if (recipe.equalize) return;
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

/** Calibrates, corrects and writes a static recipe. Throws `refused` where model, data or recipe do not fit. */
export async function convertStatic(recipe: StaticRecipe, bench: Workbench): Promise<StaticConversion> {
  const source = recipe.equalize ? await equalizedModel(bench) : bench.folded;
  const planned = planStatic(source.model, source.types, recipe);
  const statistics = await bench.statistics(source, wantedStatistics(recipe, planned));
  const rangesBy = (observer: ObserverSpec): Ranges => chooseRanges(statistics, recipe.activations, observer);
  const emit = (ranges: Ranges, { keptFloat, corrections }: Choices = {}): Emission => {
    const plan = planStatic(source.model, source.types, recipe, keptFloat);
    return { plan, converted: emitStatic(plan, ranges, recipe, corrections) };
  };
  const { observer, notes } =
    recipe.observer.method === 'search'
      ? await chooseObserver(bench, (candidate) => emit(rangesBy(candidate)).converted.model)
      : { observer: recipe.observer, notes: [] };
  const ranges = rangesBy(observer);
  const correction: Correction = recipe.correctBias
    ? await correctBiases({ source, planned, emit: (corrections) => emit(ranges, { corrections }) }, bench)
    : { notes: [] };
  const { corrections } = correction;
  const choice = recipe.goal
    ? await chooseKeptFloat(recipe.goal, bench, {
        nodes: listMacNodes(planned),
        emit: (keptFloat) => emit(ranges, { keptFloat, corrections }).converted.model,
      })
    : { keptFloat: new Set<string>(), notes: [] };
  const { plan, converted } = emit(ranges, { keptFloat: choice.keptFloat, corrections });
  return {
    ...converted,
    notes: [...source.notes, ...notes, ...correction.notes, ...choice.notes, ...converted.notes],
    source,
    observer,
    ranges,
    activations: [...plan.plan.activations].filter((tensor) => isComparable(tensor, plan, source)),
  };
}

/**
 * A tensor that raising the opset has added is not in the float model; where pooling stands between an operator and the
 * Clip that it absorbed, the one between is there another than in the float model.
 */
function isComparable(tensor: string, { clips }: StaticPlan, source: SourceModel): boolean {
  const clip = clips.get(tensor);
  return source.types.has(tensor) && (clip === undefined || clip.calibratedName === tensor);
}

function equalizedModel(bench: Workbench): Promise<SourceModel> {
  return bench.once('equalized', async () => {
    bench.onStep('equalizing');
    const { folded, inputs, limits } = bench;
    const { model, notes } = await equalize(folded.model, folded.types, inputs, limits);
    return { model, types: folded.types, notes };
  });
}

/** Corrections for these ranges, unless the outputs are nearer to the float model's without them. */
async function correctBiases({ source, planned, emit }: Correcting, bench: Workbench): Promise<Correction> {
  const plain = emit().converted.model;
  const nodes = new Set(listMacNodes(planned));
  const corrections = await measureBiasCorrections({ source, quantized: plain, nodes }, bench);
  if (corrections.size === 0) return { notes: [] };
  const corrected = emit(corrections).converted.model;
  const [before, after] = await measureOutputNoise(bench, [plain, corrected]);
  const figures = `output SQNR ${after!.toFixed(1)} dB with, ${before!.toFixed(1)} dB without`;
  return after! >= before!
    ? { corrections, notes: [`Biases of ${corrections.size} layers corrected: ${figures}.`] }
    : { notes: [`Biases not corrected: ${figures}.`] };
}

interface Correcting {
  readonly source: SourceModel;
  readonly planned: StaticPlan;
  readonly emit: (corrections?: ReadonlyMap<string, Float32Array>) => Emission;
}

interface Correction {
  readonly corrections?: ReadonlyMap<string, Float32Array>;
  readonly notes: readonly string[];
}
