import { type EventSet, hardwareEvent } from '../counter-event.ts';

/**
 * Intel cores: the kernel maps the two cache events to the architectural LLC reference and LLC miss (0x4f2e,
 * 0x412e), the L1D events to loads and replacements. Demand traffic alone: prefetched lines and write-backs are not
 * among the misses.
 */
export const intel: EventSet = {
  cores: [],
  events: [
    hardwareEvent('cycles', 0, 'cpu-cycles'),
    hardwareEvent('instructions', 1, 'instructions'),
    hardwareEvent('llc.accesses', 2, 'cache-references'),
    hardwareEvent('llc.misses', 3, 'cache-misses'),
    { name: 'l1d.accesses', kind: 'hw-cache', config: 0x0, symbol: 'L1-dcache-loads' },
    { name: 'l1d.misses', kind: 'hw-cache', config: 0x1_0000, symbol: 'L1-dcache-load-misses' },
  ],
  traffic: { reads: 'llc.misses' },
};
