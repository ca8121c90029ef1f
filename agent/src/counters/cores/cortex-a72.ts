import { type EventSet, rawEvent } from '../counter-event.ts';

/**
 * Cortex-A72 (Raspberry Pi 4): six counters and cycles, L2 is the last level. Codes of Arm's event list.
 */
export const cortexA72: EventSet = {
  cores: ['Cortex-A72'],
  events: [
    rawEvent('cycles', 0x11, 'CPU_CYCLES'),
    rawEvent('instructions', 0x08, 'INST_RETIRED'),
    rawEvent('l1d.accesses', 0x04, 'L1D_CACHE'),
    rawEvent('l1d.refills', 0x03, 'L1D_CACHE_REFILL'),
    rawEvent('l2.accesses', 0x16, 'L2D_CACHE'),
    rawEvent('l2.refills', 0x17, 'L2D_CACHE_REFILL'),
    rawEvent('l2.writebacks', 0x18, 'L2D_CACHE_WB'),
  ],
  traffic: { reads: 'l2.refills', writes: 'l2.writebacks' },
};
