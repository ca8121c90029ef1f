import { type EventSet, hardwareEvent } from '../counter-event.ts';

/**
 * AMD cores: what the kernel calls cache references and misses are requests to the L2 and its misses (0xff60, 0x0964
 * on Zen, `arch/x86/events/amd/core.c`); of the last level the core's own counters know nothing.
 */
export const amd: EventSet = {
  cores: [],
  events: [
    hardwareEvent('cycles', 0, 'cpu-cycles'),
    hardwareEvent('instructions', 1, 'instructions'),
    hardwareEvent('l2.accesses', 2, 'cache-references'),
    hardwareEvent('l2.misses', 3, 'cache-misses'),
    { name: 'l1d.accesses', kind: 'hw-cache', config: 0x0, symbol: 'L1-dcache-loads' },
    { name: 'l1d.misses', kind: 'hw-cache', config: 0x1_0000, symbol: 'L1-dcache-load-misses' },
  ],
};
