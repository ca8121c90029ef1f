import { readingValue } from '@qfleet/shared/reading.ts';
import type { Cell } from './cell.ts';

/** Top-1 that a recommended variant may lose where no goal says how much, points. */
export const defaultMaxAccuracyLoss = 1;

/** What a variant has to keep, from the plan; absent: no limit, but for accuracy, which always has one. */
export interface Goals {
  /** Top-1 lost against fp32, points; absent, and no `percentMaxDegradation` either: `defaultMaxAccuracyLoss`. */
  readonly maxAccuracyLoss?: number | undefined;
  readonly maxP90Ms?: number | undefined;
  readonly maxSizeBytes?: number | undefined;
  /** Olive's words: accuracy relative to fp32's own, %, and latency saved, %. */
  readonly percentMaxDegradation?: number | undefined;
  readonly percentMinImprovement?: number | undefined;
}

/** Latencies count only where their timing is not disturbed; these may be noisy, which is then said. */
const usable = ['trusted', 'noisy'];

/** A variant in one place: its figures, and which goals it misses or cannot be held to. */
interface Candidate {
  readonly cell: Cell;
  readonly latencyNs: number;
  readonly lossPoints: number | undefined;
  /** The most that it may lose, by what was measured. */
  readonly lossUpTo: LossBound | undefined;
  readonly misses: readonly string[];
}

/** An upper limit of a loss, points, and what it follows from. */
interface LossBound {
  readonly points: number;
  readonly from: 'interval' | 'value' | 'agreement';
}

export interface PlaceRecommendation {
  readonly placeId: string;
  /** The fastest variant that keeps all goals; absent where none does. */
  readonly best?:
    | {
        readonly variant: string;
        readonly latencyNs: number;
        readonly lossPoints?: number;
        /** Upper end of the interval of the loss, or where no labels give one the share of answers that differ; points. */
        readonly lossUpTo?: number;
      }
    | undefined;
  /** Variants that no other beats in speed, accuracy and size at once. */
  readonly front: readonly string[];
  /** Why the others are out, one sentence each. */
  readonly misses: readonly string[];
}

export interface Recommendation {
  /** The limit of accuracy loss that was applied, points, and whether it is the default; absent under another goal for it. */
  readonly maxAccuracyLoss?: { readonly points: number; readonly isDefault: boolean } | undefined;
  readonly places: readonly PlaceRecommendation[];
  /** The one variant for all places: that which is slowest against each place's best by the least. */
  readonly everywhere?: { readonly variant: string; readonly regret: number } | undefined;
}

/**
 * What to ship where, of the first scenario and settings that were timed. A variant keeps a limit of accuracy where the
 * upper end of its loss's interval does; one whose loss is not bounded by anything keeps none. Pure.
 */
export function recommend(cells: readonly Cell[], given: Goals): Recommendation {
  const isDefault = given.maxAccuracyLoss === undefined && given.percentMaxDegradation === undefined;
  const goals = isDefault ? { ...given, maxAccuracyLoss: defaultMaxAccuracyLoss } : given;
  const byPlace = Map.groupBy(cells, ({ placeId }) => placeId);
  const places = [...byPlace].map(([placeId, group]) => {
    const timed = firstTimed(group);
    const candidates = timed.flatMap((cell) => candidateOf(cell, timed, goals) ?? []);
    return { placeId, candidates };
  });
  return {
    ...(goals.maxAccuracyLoss !== undefined && {
      maxAccuracyLoss: { points: goals.maxAccuracyLoss, isDefault },
    }),
    places: places
      .filter(({ candidates }) => candidates.length > 0)
      .map(({ placeId, candidates }) => recommendPlace(placeId, candidates)),
    everywhere: chooseEverywhere(
      places.map(({ candidates }) => candidates).filter((list) => list.length > 0),
    ),
  };
}

/** Cells of one scenario and settings: the first that has latencies. */
function firstTimed(cells: readonly Cell[]): Cell[] {
  const first = cells.find((cell) => latencyOf(cell) !== undefined);
  return cells.filter(
    ({ scenario, settingsDigest }) =>
      scenario === first?.scenario && settingsDigest === first?.settingsDigest,
  );
}

function latencyOf({ readings, timing }: Cell): number | undefined {
  return usable.includes(timing.verdict) ? readingValue(readings['latency.p50']) : undefined;
}

function candidateOf(cell: Cell, all: readonly Cell[], goals: Goals): Candidate[] | undefined {
  const latencyNs = latencyOf(cell);
  if (latencyNs === undefined) return undefined;
  const reference = all.find(({ isReference }) => isReference);
  const lossPoints = cell.isReference ? 0 : readingValue(cell.readings['accuracy.loss']);
  const lossUpTo = boundLoss(cell);
  const misses = findMisses(cell, reference, { latencyNs, lossUpTo }, goals);
  return [{ cell, latencyNs, lossPoints, lossUpTo, misses }];
}

/**
 * The most that a variant may lose: the upper end of the interval of its loss. Without labels, no more inputs can have
 * become wrong than have another answer than fp32's.
 */
function boundLoss({ isReference, readings }: Cell): LossBound | undefined {
  if (isReference) return { points: 0, from: 'value' };
  const loss = readings['accuracy.loss'];
  if (loss && loss.status !== 'unavailable') {
    return loss.interval
      ? { points: loss.interval.high, from: 'interval' }
      : { points: loss.value, from: 'value' };
  }
  const agreement = readings['agreement.top1'];
  if (!agreement || agreement.status === 'unavailable') return undefined;
  return { points: 100 * (1 - (agreement.interval?.low ?? agreement.value)), from: 'agreement' };
}

const boundWords: Record<LossBound['from'], string> = {
  value: 'accuracy loss, points',
  interval: 'accuracy loss, points, upper end of its interval',
  agreement: 'accuracy loss, points, by answers other than fp32’s',
};

function findMisses(
  cell: Cell,
  reference: Cell | undefined,
  { latencyNs, lossUpTo }: Pick<Candidate, 'latencyNs' | 'lossUpTo'>,
  goals: Goals,
): string[] {
  const own = readingValue(reference?.readings['accuracy.top1']);
  const referenceNs = reference && latencyOf(reference);
  const checks: readonly (readonly [string, number | undefined, number | undefined])[] = [
    [boundWords[lossUpTo?.from ?? 'value'], lossUpTo?.points, goals.maxAccuracyLoss],
    ['p90, ms', scaled(readingValue(cell.readings['latency.p90']), 1e-6), goals.maxP90Ms],
    ['size, bytes', readingValue(cell.readings['model.size']), goals.maxSizeBytes],
    [
      'degradation, %',
      cell.isReference ? 0 : lossUpTo === undefined || !own ? undefined : lossUpTo.points / own,
      goals.percentMaxDegradation,
    ],
    [
      'latency kept, %',
      referenceNs === undefined || cell.isReference ? undefined : (100 * latencyNs) / referenceNs,
      goals.percentMinImprovement === undefined || cell.isReference
        ? undefined
        : 100 - goals.percentMinImprovement,
    ],
  ];
  return checks.flatMap(([name, value, limit]) => {
    if (limit === undefined) return [];
    if (value === undefined) return [`${name} is not known`];
    return value > limit ? [`${name}: ${Number(value.toPrecision(4))} over ${limit}`] : [];
  });
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function recommendPlace(placeId: string, candidates: readonly Candidate[]): PlaceRecommendation {
  const best = fastest(candidates.filter(({ misses }) => misses.length === 0));
  return {
    placeId,
    ...(best && {
      best: {
        variant: best.cell.variant.name,
        latencyNs: best.latencyNs,
        ...(best.lossPoints !== undefined && { lossPoints: best.lossPoints }),
        ...(best.lossUpTo && { lossUpTo: best.lossUpTo.points }),
      },
    }),
    front: candidates
      .filter((one) => !candidates.some((other) => dominates(other, one)))
      .map(({ cell }) => cell.variant.name),
    misses: candidates.flatMap(({ cell, misses }) =>
      misses.length > 0 ? [`${cell.variant.name}: ${misses.join('; ')}`] : [],
    ),
  };
}

function fastest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.toSorted((a, b) => a.latencyNs - b.latencyNs)[0];
}

/** At least as good in everything and better in something; what is not known beats nothing. */
function dominates(a: Candidate, b: Candidate): boolean {
  if (a === b) return false;
  const figures = ({ latencyNs, lossPoints, cell }: Candidate): number[] => [
    latencyNs,
    lossPoints ?? Number.POSITIVE_INFINITY,
    readingValue(cell.readings['model.size']) ?? Number.POSITIVE_INFINITY,
  ];
  const [x, y] = [figures(a), figures(b)];
  return x.every((value, i) => value <= y[i]!) && x.some((value, i) => value < y[i]!);
}

/** Of the variants that keep the goals in every place: the least worst latency over that place's best. */
function chooseEverywhere(places: readonly (readonly Candidate[])[]): Recommendation['everywhere'] {
  const kept = places.map((candidates) => candidates.filter(({ misses }) => misses.length === 0));
  if (kept.length < 2 || kept.some((candidates) => candidates.length === 0)) return undefined;
  const names = kept[0]!.map(({ cell }) => cell.variant.name);
  const regrets = names.flatMap((variant) => {
    const ratios = kept.map((candidates) => {
      const own = candidates.find(({ cell }) => cell.variant.name === variant);
      return own ? own.latencyNs / fastest(candidates)!.latencyNs - 1 : Number.POSITIVE_INFINITY;
    });
    const regret = Math.max(...ratios);
    return Number.isFinite(regret) ? [{ variant, regret }] : [];
  });
  return regrets.toSorted((a, b) => a.regret - b.regret)[0];
}
