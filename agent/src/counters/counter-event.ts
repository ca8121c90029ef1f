/** One event of a processor or of the kernel, by what it means and by what is opened. */
export interface CounterEvent {
  /** By cache level and meaning, the same word on every core that has it: `cycles`, `l2.refills`. */
  readonly name: string;
  /** `raw`: a code of the processor's own; the others are types of perf_event_open(2). */
  readonly kind: 'raw' | 'hardware' | 'hw-cache' | 'software';
  readonly config: number;
  /** Arm's mnemonic, or the name that perf(1) knows it by. */
  readonly symbol: string;
}

/** What is counted on one kind of core: cycles and at most six events more, so that none takes turns. */
export interface EventSet {
  /** Cores that it is for, as the inventory names them; empty where another rule chooses it. */
  readonly cores: readonly string[];
  readonly events: readonly CounterEvent[];
  /** Events that count cache lines fetched from beyond the named level, and lines written there. */
  readonly traffic?: { readonly reads: string; readonly writes?: string };
}

/** What was opened, as results say it: `raw:0x17 L2D_CACHE_REFILL`, `hardware:3 cache-misses`. */
export function eventLabel({ kind, config, symbol }: CounterEvent): string {
  const code = kind === 'raw' || kind === 'hw-cache' ? `0x${config.toString(16).padStart(2, '0')}` : config;
  return `${kind}:${code} ${symbol}`;
}

/** An event by the processor's own code. */
export function rawEvent(name: string, config: number, symbol: string): CounterEvent {
  return { name, kind: 'raw', config, symbol };
}

/** One of the kernel's generic events of the processor (`enum perf_hw_id`). */
export function hardwareEvent(name: string, config: number, symbol: string): CounterEvent {
  return { name, kind: 'hardware', config, symbol };
}
