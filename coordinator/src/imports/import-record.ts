import * as z from 'zod';

/** A set of measurements that others published, as it is stored. `digest` names its JSON in the blobs. */
export const importRecordSchema = z.object({
  digest: z.string(),
  name: z.string(),
  kind: z.string(),
  source: z.object({ name: z.string(), digest: z.string() }),
  systems: z.number(),
  results: z.number(),
  notes: z.array(z.string()),
  createdAtMs: z.number(),
});
export type ImportRecord = z.infer<typeof importRecordSchema>;
