import { type EventSet, rawEvent } from '../counter-event.ts';

/**
 * Cortex-A78 (and A78AE, Jetson Orin): as Cortex-A76. Codes of Arm's event list of the A78; those used are common events of
 * the PMUv3 architecture, which mean the same on the A78AE.
 */
export const cortexA78: EventSet = {
  cores: ['Cortex-A78', 'Cortex-A78AE'],
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
