/** What trtexec tells on its console, as far as it was there: versions 8.0 to 10 differ in words and in what they print. */
export interface ConsoleFacts {
  /** `8.2.1`. */
  readonly version?: string;
  readonly gpu?: string;
  /** `5.3`. */
  readonly computeCapability?: string;
  readonly passed: boolean;
  /** Of inputs and outputs, in the order in which they were bound. */
  readonly bindings: readonly {
    readonly role: 'input' | 'output';
    readonly name: string;
    readonly dims: readonly number[];
  }[];
  /** Milliseconds by name: min, max, mean, median, and percentiles by their number. */
  readonly latency?: Readonly<Record<string, number>>;
  readonly gpuCompute?: Readonly<Record<string, number>>;
  readonly throughputPerSec?: number;
  readonly buildSec?: number;
  /** Whether it warned that int8 was asked for on a GPU that has none. */
  readonly warnsOfInt8: boolean;
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
}

/** Reads the console text of trtexec line by line; what it does not say is absent. */
export function parseConsole(text: string): ConsoleFacts {
  const lines = text.split('\n').map((line) => line.replace(/^\[[\d/:-]+\] /, '').trimEnd());
  const find = (pattern: RegExp): string | undefined => {
    for (const line of lines) {
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) return found.trim();
    }
    return undefined;
  };
  const optional = <K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };
  const levelled = (level: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`[${level}] `) ? [line.slice(4)] : []));
  const seconds = find(/Engine built in ([\d.]+) sec/);
  const rate = find(/Throughput: ([\d.]+) qps/);
  return {
    ...optional('version', parseVersion(find(/\[TensorRT v(\d+)\]/))),
    ...optional('gpu', find(/Selected Device: (.+)/)),
    ...optional('computeCapability', find(/Compute Capability: ([\d.]+)/)),
    passed: lines.some((line) => line.startsWith('&&&& PASSED')),
    bindings: lines.flatMap(parseBinding),
    ...optional('latency', parseSummary(find(/^(?:\[I\] )?Latency: (min = .+)/))),
    ...optional('gpuCompute', parseSummary(find(/GPU Compute Time: (min = .+)/))),
    ...optional('throughputPerSec', rate === undefined ? undefined : Number(rate)),
    ...optional('buildSec', seconds === undefined ? undefined : Number(seconds)),
    warnsOfInt8: lines.some((line) => /without native Int8 support/i.test(line)),
    warnings: levelled('W'),
    errors: levelled('E'),
  };
}

/** Whether the GPU computes int8 in other units: by TensorRT's warning, else by a compute capability under 6.1, and 6.2. */
export function lacksInt8({
  warnsOfInt8,
  computeCapability,
}: Pick<ConsoleFacts, 'warnsOfInt8' | 'computeCapability'>): boolean {
  return warnsOfInt8 || computeCapability === '6.2' || Number(computeCapability ?? Infinity) < 6.1;
}

/** 8201 → 8.2.1, 8001 → 8.0.1, 100300 → 10.3.0: major·1000 + minor·100 + patch until 9, then major·10000. */
export function parseVersion(digits: string | undefined): string | undefined {
  if (digits === undefined) return undefined;
  const number = Number(digits);
  const unit = digits.length >= 6 ? 10_000 : 1000;
  const rest = number % unit;
  return `${Math.floor(number / unit)}.${Math.floor(rest / 100)}.${rest % 100}`;
}

/** `Created input binding for x with dimensions 1x3x8x8`; version 10: `Input binding for x with dimensions 1x3x8x8 is created.` */
function parseBinding(line: string): ConsoleFacts['bindings'][number][] {
  const found = /(input|output) binding for (.+) with dimensions ([\dx-]+)/i.exec(line);
  if (!found) return [];
  const [, role, name, dims] = found;
  return [
    {
      role: role!.toLowerCase() === 'input' ? 'input' : 'output',
      name: name!,
      dims: dims!.split('x').map(Number),
    },
  ];
}

/** `min = 13.7 ms, …, percentile(99%) = 14.8 ms`. */
function parseSummary(text: string | undefined): Record<string, number> | undefined {
  if (text === undefined) return undefined;
  const parts = [...text.matchAll(/(min|max|mean|median|percentile\((\d+(?:\.\d+)?)%\)) = ([\d.e+-]+) ms/g)];
  return Object.fromEntries(parts.map(([, name, percentile, value]) => [percentile ?? name!, Number(value)]));
}
