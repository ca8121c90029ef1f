/**
 * The method of a reading that says how many bytes one event stands for: the memory kernel whose bytes were known, and
 * the event as results name it, `raw:0x17 L2D_CACHE_REFILL`.
 */
export function calibrationMethod(kernel: 'wasm read' | 'wasm copy', event: string): string {
  return `known bytes of ${kernel}${marker}${event}`;
}

/** The event that such a method names; undefined for another method. */
export function calibratedEvent(method: string): string | undefined {
  const at = method.indexOf(marker);
  return at < 0 ? undefined : method.slice(at + marker.length);
}

const marker = ' over perf ';
