import { type EventSet, hardwareEvent } from '../counter-event.ts';

/** A core without a list of its own: what means the same everywhere. Generic cache events do not, and are left out. */
export const generic: EventSet = {
  cores: [],
  events: [hardwareEvent('cycles', 0, 'cpu-cycles'), hardwareEvent('instructions', 1, 'instructions')],
};
