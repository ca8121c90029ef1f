import { type ArmCoreId, armCoreName, armVendorName } from './arm-core-names.ts';

/** What /proc/cpuinfo tells; absent where this kernel does not print it. */
export interface Cpuinfo {
  readonly processors: number;
  /** Distinct cores in the order of their first processor; empty on x86. */
  readonly coreIds: readonly ArmCoreId[];
  /** Their names, `Cortex-A57 + Denver-2`; an unknown one as `0x42/0x123`. Absent on x86. */
  readonly core?: string;
  /** `model name` on x86; on Arm the cores' names, for `ARMv8 Processor rev 4 (v8l)` names none. */
  readonly model: string;
  readonly vendor?: string;
  /** Features that every processor has, sorted. */
  readonly features: readonly string[];
  /** `Model`, the board, as Raspberry Pi kernels print it. */
  readonly boardModel?: string;
  /** `Hardware`: the SoC or the board, as 32-bit and older Arm kernels print it. */
  readonly hardware?: string;
  /** `Revision`, hexadecimal digits: on a Raspberry Pi the board's code. */
  readonly revision?: string;
}

/**
 * Reads /proc/cpuinfo of x86 and Arm kernels, from 3.x on. Lines are `key : value`; keys are compared without
 * case, for kernels before 3.8 print one `Processor` line for the model beside the `processor` lines of the
 * single processors. Text without a processor yields one processor of unknown model, never an error.
 */
export function parseCpuinfo(text: string): Cpuinfo {
  const entries = parseEntries(text);
  const valuesOf = (key: string): string[] => entries.filter((e) => e.key === key).map((e) => e.value);
  const numbered = valuesOf('processor').filter((value) => /^\d+$/.test(value));
  const oldModel = valuesOf('processor').find((value) => !/^\d+$/.test(value));
  const coreIds = distinctCores(valuesOf('cpu implementer'), valuesOf('cpu part'));
  const core = coreIds.map(nameCore).join(' + ');
  const vendor = vendorOf(valuesOf('vendor_id')[0], coreIds);
  const isArm = coreIds.length > 0;
  return {
    processors: Math.max(1, numbered.length),
    coreIds,
    ...(isArm && { core }),
    // Makers pad the name with blanks to a fixed length.
    model: isArm ? core : (valuesOf('model name')[0] ?? oldModel ?? 'unknown').replace(/\s+/g, ' '),
    ...(vendor !== undefined && { vendor }),
    features: commonFeatures([...valuesOf('flags'), ...valuesOf('features')]),
    ...optional('boardModel', isArm ? boardLine(entries) : undefined),
    ...optional('hardware', valuesOf('hardware')[0]),
    ...optional(
      'revision',
      valuesOf('revision').find((value) => /^[0-9a-f]+$/i.test(value)),
    ),
  };
}

interface Entry {
  readonly key: string;
  readonly originalKey: string;
  readonly value: string;
}

function parseEntries(text: string): Entry[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const match = /^([^:]+?)\s*:\s*(.*?)\s*$/.exec(line);
    if (!match?.[1] || !match[2]) return [];
    const originalKey = match[1].trim();
    return [{ originalKey, key: originalKey.toLowerCase(), value: match[2] }];
  });
}

/** x86 prints `model`, the number of a CPU model; Raspberry Pi kernels print `Model`, the board. */
function boardLine(entries: readonly Entry[]): string | undefined {
  return entries.find((entry) => entry.originalKey === 'Model')?.value;
}

function distinctCores(implementers: readonly string[], parts: readonly string[]): ArmCoreId[] {
  const byName = new Map<string, ArmCoreId>();
  implementers.forEach((implementer, i) => {
    const id = { implementer: Number(implementer), part: Number(parts[i] ?? Number.NaN) };
    if (Number.isFinite(id.implementer) && Number.isFinite(id.part)) byName.set(nameCore(id), id);
  });
  return [...byName.values()];
}

function nameCore(id: ArmCoreId): string {
  return armCoreName(id) ?? `0x${id.implementer.toString(16)}/0x${id.part.toString(16).padStart(3, '0')}`;
}

function vendorOf(x86Vendor: string | undefined, coreIds: readonly ArmCoreId[]): string | undefined {
  if (x86Vendor !== undefined) return x86Vendor;
  const names = coreIds.map((id) => armVendorName(id.implementer)).filter((name) => name !== undefined);
  return names.length > 0 ? [...new Set(names)].join(' + ') : undefined;
}

/** A feature counts where every processor has it: code may run on any of them. */
function commonFeatures(lists: readonly string[]): string[] {
  const sets = lists.map((list) => new Set(list.split(/\s+/).filter((feature) => feature !== '')));
  const [first, ...others] = sets;
  return [...(first ?? [])].filter((feature) => others.every((set) => set.has(feature))).sort();
}

function optional<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, T>>;
}
