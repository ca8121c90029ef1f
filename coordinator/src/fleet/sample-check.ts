import type { Launch, MeasureFacts } from '@qfleet/shared/result/job-result.ts';
import { resultMismatch } from './result-mismatch.ts';

/** No inference of a job that ends takes eleven days. */
const maxSampleNs = 1e15;

/** A sample is at least this share of the time from one to the next: the rest is reading the clock and the event loop. */
const minShare = 0.1;
/** What may pass besides, nanoseconds: with each sample, and once (a pause of the process). */
const overheadNs = { perSample: 10_000, once: 20e6 };
/** The clock's own grain, and rounding. */
const tolerance = { share: 0.01, ns: 1e6 };

interface Range {
  readonly launch: Launch;
  /** Indices in the blob. */
  readonly from: number;
  readonly timedFrom: number;
  readonly to: number;
}

/**
 * Holds the samples of a measurement, given one after the other, against the time that each launch says it took. Where
 * one query follows the other, the samples add up to nearly all of it and never to more; where queries come by a
 * schedule, no sample is longer than the whole. Throws `invalid-argument`.
 */
export class SampleCheck {
  readonly #scenario: string;
  readonly #ranges: readonly Range[];
  /** Samples that the launches have together, warm-up included. */
  readonly sampleCount: number;
  #index = 0;
  #current = 0;
  #sumNs = 0;
  #longestNs = 0;

  constructor({ scenario, launches }: MeasureFacts) {
    this.#scenario = scenario;
    this.#ranges = launches
      .map((launch) => {
        const { sampleOffset = 0, warmupCount = 0, timedCount = 0 } = launch;
        const timedFrom = sampleOffset + warmupCount;
        return { launch, from: sampleOffset, timedFrom, to: timedFrom + timedCount };
      })
      .filter(({ from, to }) => to > from)
      .sort((a, b) => a.from - b.from);
    this.sampleCount = Math.max(0, ...this.#ranges.map(({ to }) => to));
  }

  add(sampleNs: number): void {
    const index = this.#index++;
    const range = this.#ranges[this.#current];
    if (!range || index < range.from) return;
    if (!(sampleNs >= 0 && sampleNs <= maxSampleNs)) {
      throw resultMismatch(
        `samples of 0 to ${maxSampleNs} ns in launch ${range.launch.order}`,
        `${sampleNs} as sample ${index - range.from}`,
      );
    }
    if (index >= range.timedFrom) {
      this.#sumNs += sampleNs;
      this.#longestNs = Math.max(this.#longestNs, sampleNs);
    }
    if (index + 1 < range.to) return;
    if (!range.launch.failure) this.#judge(range.launch);
    this.#current++;
    this.#sumNs = 0;
    this.#longestNs = 0;
  }

  /** To be called after the last sample. */
  finish(): void {
    const missing = this.#ranges[this.#current];
    if (missing) throw resultMismatch(`${missing.to} samples`, this.#index);
  }

  #judge({ order, timedWallNs, timedCount = 0, latencySource }: Launch): void {
    if (timedWallNs === undefined || timedCount === 0) return;
    const isClosedLoop = ['single-stream', 'multi-stream', 'offline'].includes(this.#scenario);
    const mostNs = timedWallNs * (1 + tolerance.share) + tolerance.ns;
    const longNs = isClosedLoop ? this.#sumNs : this.#longestNs;
    const what = `launch ${order}, ${timedCount} samples timed in ${timedWallNs} ns,`;
    // Who times itself may let inferences overlap.
    if (longNs > mostNs && latencySource === undefined) {
      throw resultMismatch(`of ${what} ${isClosedLoop ? 'a sum' : 'none'} above ${mostNs} ns`, longNs);
    }
    if (!isClosedLoop) return;
    const explainedNs = this.#sumNs / minShare + timedCount * overheadNs.perSample + overheadNs.once;
    if (timedWallNs <= explainedNs) return;
    const leastNs = minShare * (timedWallNs - timedCount * overheadNs.perSample - overheadNs.once);
    throw resultMismatch(`of ${what} a sum of at least ${Math.round(leastNs)} ns`, this.#sumNs);
  }
}
