import type { Cpuinfo } from '../inventory/parse-cpuinfo.ts';
import { listNames, readNumber } from '../inventory/read-text.ts';
import { amd } from './cores/amd.ts';
import { cortexA53 } from './cores/cortex-a53.ts';
import { cortexA57 } from './cores/cortex-a57.ts';
import { cortexA72 } from './cores/cortex-a72.ts';
import { cortexA76 } from './cores/cortex-a76.ts';
import { cortexA78 } from './cores/cortex-a78.ts';
import { generic } from './cores/generic.ts';
import { intel } from './cores/intel.ts';
import type { CounterEvent, EventSet } from './counter-event.ts';

/** A performance-monitoring unit of the kernel. */
export interface Pmu {
  /** Its name under /sys/bus/event_source/devices. */
  readonly name: string;
  /** What perf_event_open(2) knows it by. */
  readonly type: number;
}

/** What is counted on one kind of core. */
export interface CoreEvents {
  /** `Cortex-A53`, or the maker of an x86 processor. */
  readonly core: string;
  /** Absent where the kernel lists none; whoever opens the events then learns that there is none. */
  readonly pmu?: Pmu;
  readonly events: readonly CounterEvent[];
}

export interface EventChoice {
  /** One per kind of core, with the same names of events on each; empty where there is a reason. */
  readonly cores: readonly CoreEvents[];
  readonly traffic?: NonNullable<EventSet['traffic']>;
  /** Kinds of core beside them that have no counters of their own: what runs there is not counted. */
  readonly uncounted: readonly string[];
  /** Why nothing can be chosen. */
  readonly reason?: string;
}

/** What the choice rests on; /proc/cpuinfo has it, and so has an inventory's `cpu`. */
export type CoreFacts = Partial<Pick<Cpuinfo, 'core' | 'vendor'>> & Pick<Cpuinfo, 'features'>;

/**
 * The events to count on a processor: the set of its core, opened on the core's own unit, which the kernel lists
 * under `root`. On a processor with two kinds of core (big.LITTLE) each kind counts on its own unit, and only events
 * that all of them have are taken.
 */
export async function chooseEvents(facts: CoreFacts, root: string): Promise<EventChoice> {
  const names = facts.core?.split(' + ') ?? [];
  if (names.length > 0 && !facts.features.includes('asimd')) {
    const reason = `32-bit: the kernel runs ${names.join(' + ')} in its 32-bit mode, whose counters are not known here; use a 64-bit system`;
    return { cores: [], uncounted: [], reason };
  }
  const pmus = await readPmus(root);
  if (names.length === 0) return chooseForX86(facts.vendor, pmus);
  return names.length === 1 ? chooseForOne(names[0]!, pmus) : chooseForSeveral(names, pmus);
}

const armSets = [cortexA53, cortexA57, cortexA72, cortexA76, cortexA78];
const x86Sets: Readonly<Record<string, EventSet>> = {
  GenuineIntel: intel,
  AuthenticAMD: amd,
  HygonGenuine: amd,
};

function setOf(core: string): EventSet {
  return armSets.find(({ cores }) => cores.includes(core)) ?? generic;
}

/** Units of processors, among the kernel's others (`software`, `tracepoint`, uncore units). */
async function readPmus(root: string): Promise<Pmu[]> {
  const folder = 'sys/bus/event_source/devices';
  const names = await listNames(root, folder, /^(armv8_.+|cpu|cpu_core|cpu_atom)$/);
  const types = await Promise.all(names.map((name) => readNumber(root, `${folder}/${name}/type`)));
  return names.flatMap((name, i) => (types[i] === undefined ? [] : [{ name, type: types[i] }]));
}

function chooseForX86(vendor: string | undefined, pmus: readonly Pmu[]): EventChoice {
  const set = x86Sets[vendor ?? ''] ?? generic;
  // Processors with two kinds of core have one unit for each.
  const found = pmus.filter(({ name }) => name.startsWith('cpu'));
  const core = vendor ?? 'unknown processor';
  const cores =
    found.length > 0
      ? found.map((pmu) => ({ core, pmu, events: set.events }))
      : [{ core, events: set.events }];
  return { cores, uncounted: [], ...trafficOf(set) };
}

function chooseForOne(core: string, pmus: readonly Pmu[]): EventChoice {
  const set = setOf(core);
  const pmu = pmuOf(core, pmus) ?? pmus[0];
  return { cores: [{ core, ...(pmu && { pmu }), events: set.events }], uncounted: [], ...trafficOf(set) };
}

function chooseForSeveral(names: readonly string[], pmus: readonly Pmu[]): EventChoice {
  const found = names.flatMap((core) => {
    const pmu = pmuOf(core, pmus);
    return pmu ? [{ core, pmu, set: setOf(core) }] : [];
  });
  const [first] = found;
  if (!first) {
    // No unit can be told from another: what the first core has is tried, and the kernel says whether it is there.
    return { ...chooseForOne(names[0]!, []), uncounted: names.slice(1) };
  }
  const isCommon = ({ name }: CounterEvent): boolean =>
    found.every(({ set }) => set.events.some((event) => event.name === name));
  const common = { ...first.set, events: first.set.events.filter(isCommon) };
  return {
    cores: found.map(({ core, pmu, set }) => ({ core, pmu, events: set.events.filter(isCommon) })),
    uncounted: names.filter((core) => !found.some((each) => each.core === core)),
    ...trafficOf(common),
  };
}

/** `armv8_cortex_a53` from the device tree; ACPI and older kernels say `armv8_pmuv3` of any core. */
function pmuOf(core: string, pmus: readonly Pmu[]): Pmu | undefined {
  const name = `armv8_${core.toLowerCase().replaceAll('-', '_')}`;
  return pmus.find((pmu) => pmu.name === name);
}

function trafficOf(set: EventSet): Pick<EventChoice, 'traffic'> {
  const { traffic } = set;
  return traffic && set.events.some(({ name }) => name === traffic.reads) ? { traffic } : {};
}
