import * as z from 'zod';

/** A backend on a device: where a variant runs. */
export const placeSchema = z.object({
  /** `<device id>/<backend id>`. */
  id: z.string(),
  deviceId: z.string(),
  deviceName: z.string(),
  backendId: z.string(),
  emulated: z.boolean(),
  /** The place that the others are compared with. */
  isReference: z.boolean(),
});
export type Place = z.infer<typeof placeSchema>;

/** The id of a place; ids of devices and backends have no slash. */
export function placeId(deviceId: string, backendId: string): string {
  return `${deviceId}/${backendId}`;
}
