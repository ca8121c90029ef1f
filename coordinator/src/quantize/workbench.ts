import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestBytes } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { ModelProto } from '../../gen/onnx/onnx_pb.js';
import type { TensorType } from '../onnx/shapes.ts';
import { writeModel } from '../onnx/write-model.ts';
import type { OrtChildOptions } from '../ort/ort-child.ts';
import type { CalibrationCache } from './calibration/calibration-cache.ts';
import type { CalibrationSamples, SampleSource } from './calibration/calibration-samples.ts';
import { addHistograms, type CalibrationOptions, collectExtremes } from './calibration/collect-statistics.ts';
import { explainNonFinite } from './calibration/explain-non-finite.ts';
import type { Statistics } from './calibration/tensor-statistics.ts';
import { isRefusal } from './is-refusal.ts';

/** A float32 model in the form that recipes start from: folded, perhaps equalized too. */
export interface SourceModel {
  readonly model: ModelProto;
  /** Tensors of the main graph. */
  readonly types: ReadonlyMap<string, TensorType>;
}

interface SourceFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly digest: string;
}

export interface WorkbenchOptions {
  readonly folded: SourceModel;
  readonly samples: CalibrationSamples;
  readonly source: SampleSource;
  readonly limits: OrtChildOptions;
  readonly workDir: string;
  readonly cache: CalibrationCache;
  /** What is being done, for people. */
  readonly onStep: (step: string) => void;
}

/** What recipes want to know of a model's tensors. */
export interface StatisticsRequest {
  readonly tensors: readonly string[];
  readonly hasHistograms: boolean;
}

/** What all recipes of one quantization share: the model, the inputs, and what has been measured so far. */
export class Workbench {
  readonly folded: SourceModel;
  readonly samples: CalibrationSamples;
  readonly limits: OrtChildOptions;
  readonly workDir: string;
  readonly onStep: (step: string) => void;
  readonly #source: SampleSource;
  readonly #cache: CalibrationCache;
  readonly #collected = new Map<SourceModel, Statistics[]>();
  /** Tensors by name, and whether a histogram is wanted. */
  readonly #wanted = new Map<SourceModel, Map<string, boolean>>();
  /** Models of which not everything that is wanted could be measured at once. */
  readonly #unmeasurable = new Set<SourceModel>();
  readonly #once = new Map<string, Promise<unknown>>();
  readonly #files = new Map<SourceModel, Promise<SourceFile>>();

  constructor(options: WorkbenchOptions) {
    this.folded = options.folded;
    this.samples = options.samples;
    this.limits = options.limits;
    this.workDir = options.workDir;
    this.onStep = options.onStep;
    this.#source = options.source;
    this.#cache = options.cache;
  }

  readonly inputs = () => this.samples.feeds();

  /** Does something once, whichever recipe asks first. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const made = (this.#once.get(name) as Promise<T> | undefined) ?? make();
    this.#once.set(name, made);
    return made;
  }

  /** Says beforehand what will be asked, so that one pass over the inputs serves all recipes. */
  announce(source: SourceModel, { tensors, hasHistograms }: StatisticsRequest): void {
    const wanted = this.#wanted.get(source) ?? new Map<string, boolean>();
    for (const tensor of tensors) wanted.set(tensor, hasHistograms || wanted.get(tensor) === true);
    this.#wanted.set(source, wanted);
  }

  /**
   * Statistics of these tensors over all calibration inputs: kept from before, or measured now. Throws `refused` with
   * the cause where one of them holds a NaN or an infinity; whatever others asked for is no reason.
   */
  async statistics(source: SourceModel, request: StatisticsRequest): Promise<Statistics> {
    const statistics = await this.statisticsAsFound(source, request);
    const spoilt = request.tensors.find((tensor) => statistics[tensor]!.nonFiniteIn !== undefined);
    if (spoilt === undefined) return statistics;
    throw await this.#explain(source, spoilt, statistics[spoilt]!.nonFiniteIn!);
  }

  /** The same with tensors that have no range marked so. */
  async statisticsAsFound(source: SourceModel, request: StatisticsRequest): Promise<Statistics> {
    this.announce(source, request);
    const known = (this.#collected.get(source) ?? []).find((statistics) => answers(statistics, request));
    return pick(known ?? (await this.#measure(source, request)), request.tensors);
  }

  /** All that is wanted in one pass; where that fails (it may need too much memory), what this request alone wants. */
  async #measure(source: SourceModel, request: StatisticsRequest): Promise<Statistics> {
    const own = new Map(request.tensors.map((tensor) => [tensor, request.hasHistograms]));
    const wanted = this.#wanted.get(source)!;
    const isMore = [...wanted].some(([tensor, hasHistogram]) => hasHistogram && own.get(tensor) !== true);
    if ((!isMore && wanted.size === own.size) || this.#unmeasurable.has(source))
      return await this.#collect(source, own);
    try {
      return await this.#collect(source, wanted);
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      this.#unmeasurable.add(source);
      return await this.#collect(source, own);
    }
  }

  async #explain({ model, types }: SourceModel, tensor: string, input: number): Promise<QfleetError> {
    this.onStep(`looking where "${tensor}" stops being finite`);
    let at = 0;
    for await (const feeds of this.samples.feeds(input + 1))
      if (at++ === input) return await explainNonFinite({ model, types, tensor, input, feeds }, this.limits);
    throw new QfleetError('internal', `There is no calibration input ${input} any more.`);
  }

  /** The folded (or equalized) model as a file, written once. */
  fileOf(source: SourceModel): Promise<SourceFile> {
    const known = this.#files.get(source) ?? this.#writeSource(source);
    this.#files.set(source, known);
    return known;
  }

  async #writeSource({ model }: SourceModel): Promise<SourceFile> {
    const { path, bytes } = await this.write(`source-${this.#files.size}`, model);
    return { path, sizeBytes: bytes.length, digest: digestBytes(bytes) };
  }

  /** Writes a model into the work folder; its path and bytes. */
  async write(
    name: string,
    model: ModelProto,
  ): Promise<{ readonly path: string; readonly bytes: Uint8Array }> {
    const path = join(this.workDir, `${name}.onnx`);
    const bytes = writeModel(model);
    await writeFile(path, bytes);
    return { path, bytes };
  }

  async #collect(source: SourceModel, wanted: ReadonlyMap<string, boolean>): Promise<Statistics> {
    const names = [...wanted.keys()];
    const counted = names.filter((tensor) => wanted.get(tensor));
    const key = {
      model: (await this.fileOf(source)).digest,
      datasetDigest: this.#source.calibration?.datasetDigest ?? '',
      count: this.samples.count,
      contract: this.#source.contract,
      tensors: names.toSorted(),
    };
    const optionsFor = (tensors: readonly string[], step: string): CalibrationOptions => ({
      ...this.limits,
      tensors,
      onInput: this.#progress(step),
    });
    const extremes = await this.#cached({ ...key, hasHistograms: false }, () =>
      collectExtremes(source.model, this.inputs, optionsFor(names, 'calibrating')),
    );
    const countAll = (): Promise<Statistics> =>
      addHistograms(source.model, this.inputs, {
        ...optionsFor(counted, 'counting values'),
        statistics: extremes,
        types: source.types,
      });
    const statistics =
      counted.length === 0
        ? extremes
        : await this.#cached({ ...key, counted: counted.toSorted(), hasHistograms: true }, countAll);
    this.#collected.set(source, [...(this.#collected.get(source) ?? []), statistics]);
    return statistics;
  }

  async #cached(
    key: Parameters<CalibrationCache['keep']>[0],
    collect: () => Promise<Statistics>,
  ): Promise<Statistics> {
    const found = await this.#cache.find(key);
    if (found) return found;
    const collected = await collect();
    await this.#cache.keep(key, collected);
    return collected;
  }

  #progress(what: string): (done: number) => void {
    return (done) => this.onStep(`${what} ${done} of ${this.samples.count}`);
  }
}

function answers(statistics: Statistics, { tensors, hasHistograms }: StatisticsRequest): boolean {
  return tensors.every((tensor) => {
    const found = statistics[tensor];
    return found && (!hasHistograms || found.histogram || found.nonFiniteIn !== undefined);
  });
}

function pick(statistics: Statistics, tensors: readonly string[]): Statistics {
  return Object.fromEntries(tensors.map((tensor) => [tensor, statistics[tensor]!]));
}
