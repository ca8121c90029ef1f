import { type EventSet, rawEvent } from '../counter-event.ts';

/**
 * Cortex-A76 (Raspberry Pi 5): six counters and cycles. Behind each core's own L2 lies a shared L3, so that a refill of L3
 * takes the place of the accesses of L2. Arm's list has no write-back of L3, and its LL_CACHE events count reads alone
 * and change their meaning with a register (CPUECTLR.EXTLLC): neither is used. Codes of Arm's event list.
 */
export const cortexA76: EventSet = {
  cores: ['Cortex-A76'],
  events: [
    rawEvent('cycles', 0x11, 'CPU_CYCLES'),
    rawEvent('instructions', 0x08, 'INST_RETIRED'),
    rawEvent('l1d.accesses', 0x04, 'L1D_CACHE'),
    rawEvent('l1d.refills', 0x03, 'L1D_CACHE_REFILL'),
    rawEvent('l2.refills', 0x17, 'L2D_CACHE_REFILL'),
    rawEvent('l2.writebacks', 0x18, 'L2D_CACHE_WB'),
    rawEvent('l3.refills', 0x2a, 'L3D_CACHE_REFILL'),
  ],
  traffic: { reads: 'l2.refills', writes: 'l2.writebacks' },
};
