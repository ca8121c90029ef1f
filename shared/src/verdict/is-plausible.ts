/** More nanoseconds, bytes or hertz than any launch has: a device that says so is not believed. */
const maxPlausible = 1e18;

/** Whether a device reported a duration, a size or a frequency at all, and one that can be. */
export function isPlausible(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value <= maxPlausible;
}
