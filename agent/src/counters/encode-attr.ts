import type { CounterEvent } from './counter-event.ts';

export interface AttrOptions {
  /** The unit that counts it; absent: the kernel's choice. */
  readonly pmuType?: number;
  /** Whether the kernel's part of the work is left out. */
  readonly isUserOnly: boolean;
}

/**
 * `struct perf_event_attr` of a counter that starts disabled and is inherited by the threads that its thread will
 * start, little-endian, 64 bytes: the struct's first version, which every kernel takes.
 */
export function encodeAttr(event: CounterEvent, { pmuType, isUserOnly }: AttrOptions): Uint8Array {
  const attr = Buffer.alloc(attrBytes);
  const isRaw = event.kind === 'raw';
  attr.writeUInt32LE(isRaw ? (pmuType ?? kindTypes.raw) : kindTypes[event.kind], 0);
  attr.writeUInt32LE(attrBytes, 4);
  attr.writeUInt32LE(event.config, 8);
  // Where a processor has two kinds of core, the upper half names the unit of a generic event (Linux 5.13).
  if (!isRaw && pmuType !== undefined) attr.writeUInt32LE(pmuType, 12);
  attr.writeUInt32LE(formatTimes, 32);
  attr.writeUInt32LE(flags.disabled | flags.inherit | (isUserOnly ? flags.userOnly : 0), 40);
  return attr;
}

const attrBytes = 64;
/** `enum perf_type_id`. */
const kindTypes = { hardware: 0, software: 1, 'hw-cache': 3, raw: 4 } as const;
/** PERF_FORMAT_TOTAL_TIME_ENABLED and _RUNNING. */
const formatTimes = 3;
/** exclude_kernel goes with exclude_hv: older arm64 kernels refuse one without the other. */
const flags = { disabled: 1, inherit: 1 << 1, userOnly: (1 << 5) | (1 << 6) } as const;
