/** Number formats that an engine may use. */
export const precisions = ['fp32', 'fp16', 'int8', 'best'] as const;
export type Precision = (typeof precisions)[number];

export interface EngineOrder {
  readonly model: string;
  readonly engine: string;
  readonly precision: Precision;
  /** `8.2.1`. */
  readonly version: string;
  readonly workspaceMiB: number;
  /** `input:1x3x224x224`, several by commas; fixes open dimensions, one optimisation profile. */
  readonly shapes: string | undefined;
}

/** What builds an engine and times nothing. Flags that a version lacks would end trtexec with its usage. */
export function buildArguments(order: EngineOrder): string[] {
  const { model, engine, precision, version, workspaceMiB, shapes } = order;
  return [
    `--onnx=${model}`,
    `--saveEngine=${engine}`,
    ...(precision === 'fp32' ? [] : [`--${precision}`]),
    // A quantized file needs float16 beside int8 for what it leaves in float.
    ...(precision === 'int8' ? ['--fp16'] : []),
    isFrom(version, 8, 4) ? `--memPoolSize=workspace:${workspaceMiB}` : `--workspace=${workspaceMiB}`,
    isFrom(version, 8, 5) ? '--skipInference' : '--buildOnly',
    // Kept in the engine: without it layers later tell their names alone.
    ...(isFrom(version, 8, 2) ? ['--profilingVerbosity=detailed'] : []),
    ...shapeArguments(shapes),
  ];
}

/** What times an engine: queries one after the other, copies included, spinning as the runners of other backends do. */
export function timeArguments(order: {
  readonly engine: string;
  readonly times: string;
  readonly minSamples: number;
  readonly minDurationMs: number;
  readonly inputs: Readonly<Record<string, string>>;
  readonly shapes: string | undefined;
}): string[] {
  return [
    `--loadEngine=${order.engine}`,
    `--iterations=${order.minSamples}`,
    `--duration=${Math.ceil(order.minDurationMs / 1000)}`,
    '--streams=1',
    '--useSpinWait',
    `--exportTimes=${order.times}`,
    ...inputArguments(order.inputs),
    ...shapesOf(order.shapes),
  ];
}

/** What runs an engine once on given inputs. */
export function runArguments(order: {
  readonly engine: string;
  readonly outputs: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly shapes: string | undefined;
}): string[] {
  return [
    `--loadEngine=${order.engine}`,
    '--iterations=1',
    '--duration=0',
    '--warmUp=0',
    `--exportOutput=${order.outputs}`,
    ...inputArguments(order.inputs),
    ...shapesOf(order.shapes),
  ];
}

/** What records the layers' times, and what they compute on, in runs of their own. */
export function profileArguments(order: {
  readonly engine: string;
  readonly profile: string;
  readonly layers: string;
  readonly version: string;
}): string[] {
  const { engine, profile, layers, version } = order;
  const newer = ['--separateProfileRun', `--exportLayerInfo=${layers}`, '--profilingVerbosity=detailed'];
  return [
    `--loadEngine=${engine}`,
    '--dumpProfile',
    `--exportProfile=${profile}`,
    ...(isFrom(version, 8, 2) ? newer : []),
  ];
}

function inputArguments(inputs: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(inputs).map(([name, path]) => `${name}:${path}`);
  return pairs.length === 0 ? [] : [`--loadInputs=${pairs.join(',')}`];
}

/** One profile: the least, the best and the largest shape are the same. */
function shapeArguments(shapes: string | undefined): string[] {
  return shapes === undefined
    ? []
    : ['minShapes', 'optShapes', 'maxShapes'].map((flag) => `--${flag}=${shapes}`);
}

function shapesOf(shapes: string | undefined): string[] {
  return shapes === undefined ? [] : [`--shapes=${shapes}`];
}

function isFrom(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
