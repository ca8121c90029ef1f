import { median } from '@qfleet/shared/statistics/median.ts';
import * as z from 'zod';
import type { UsableLabels } from './accuracy-readings.ts';
import { findFlips, type OutputPair } from './divergence-readings.ts';
import { type EvaluatedOutputs, topClass } from './read-outputs.ts';

/** One input that two places answer otherwise. */
const flipSchema = z.object({
  /** Its place in the dataset's split, from 0. */
  input: z.number().int(),
  /** Classes. */
  here: z.number().int(),
  there: z.number().int(),
  /** Absent without labels. */
  label: z.number().int().optional(),
  /**
   * By how much each place preferred its own class to the other's, in the model's outputs: near 0 the input lay on the
   * edge. At least so much where the other's class is not among the best kept.
   */
  marginHere: z.number(),
  marginThere: z.number(),
  /** fp32 answers it alike in both places; absent where that is not known. */
  isOwn: z.boolean().optional(),
});
export type Flip = z.infer<typeof flipSchema>;

export const flipsSchema = z.object({
  /** Median over all flips of the smaller of both margins. */
  medianMargin: z.number(),
  /** Those of which both places were surest, at most ten. */
  worst: z.array(flipSchema),
});
export type Flips = z.infer<typeof flipsSchema>;

const maxNamed = 10;

/** Which inputs flip and how sure both places were of them; undefined where none does or that cannot be said. */
export function describeFlips(
  pair: OutputPair,
  floats: OutputPair | undefined,
  labels: UsableLabels,
): Flips | undefined {
  const flips = findFlips(pair);
  if (typeof flips === 'string' || flips.inputs.size === 0) return undefined;
  const floatFlips = floats && findFlips(floats);
  const isOwn = (input: number): boolean | undefined =>
    floatFlips === undefined || typeof floatFlips === 'string' || input >= floatFlips.count
      ? undefined
      : !floatFlips.inputs.has(input);
  const here = pair.subject.topK!;
  const there = pair.reference.topK!;
  const all = [...flips.inputs].map((input): Flip => {
    const [own, other] = [topClass(here, input), topClass(there, input)];
    const known = isOwn(input);
    return {
      input,
      here: own,
      there: other,
      ...(labels.usable && { label: labels.labels[input]! }),
      marginHere: marginOver(here, input, other),
      marginThere: marginOver(there, input, own),
      ...(known !== undefined && { isOwn: known }),
    };
  });
  const sureness = ({ marginHere, marginThere }: Flip): number => Math.min(marginHere, marginThere);
  return {
    medianMargin: median(all.map(sureness)),
    worst: all.toSorted((a, b) => sureness(b) - sureness(a) || a.input - b.input).slice(0, maxNamed),
  };
}

/** The best value less that of `other`, or less the last one kept where that is not among them. */
function marginOver(
  { k, indices, values }: NonNullable<EvaluatedOutputs['topK']>,
  input: number,
  other: number,
): number {
  const first = input * k;
  const rank = indices.subarray(first, first + k).indexOf(other);
  return values[first]! - values[first + (rank < 0 ? k - 1 : rank)]!;
}
