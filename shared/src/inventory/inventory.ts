import * as z from 'zod';

/** One cache level as the machine itself claims it. */
export const cacheSchema = z.object({
  level: z.number().int(),
  type: z.enum(['data', 'instruction', 'unified']),
  sizeBytes: z.number(),
  lineBytes: z.number().optional(),
  ways: z.number().optional(),
  /** Processors that share one instance. */
  sharedBy: z.number().int().optional(),
  /** `sysfs`, `lscpu`, or `table:<compatible>` where a table was consulted. */
  source: z.string(),
});

/** What a device says of itself, schema `qfleet.inventory/1`. Absent: not known. */
export const inventorySchema = z.object({
  schema: z.literal('qfleet.inventory/1'),
  hostname: z.string(),
  /** Device-tree model, or board name, for example `Raspberry Pi 3 Model B Plus Rev 1.3`. */
  board: z.string().optional(),
  architecture: z.string(),
  cpu: z.object({
    model: z.string(),
    /** `Cortex-A53` and the like from implementer and part; absent on x86. */
    core: z.string().optional(),
    vendor: z.string().optional(),
    processors: z.number().int().positive(),
    /** Instruction-set features as in /proc/cpuinfo: `avx512_vnni`, `asimddp`, … */
    features: z.array(z.string()),
    maxFrequencyHz: z.number().optional(),
  }),
  caches: z.array(cacheSchema),
  memoryBytes: z.number(),
  os: z.string(),
  kernel: z.string(),
  libc: z.string().optional(),
  nodeVersion: z.string(),
  /** Virtual machine or container, in words; absent on bare metal or where not known. */
  virtualization: z.string().optional(),
  /** Set where the processor is emulated: latencies mean nothing there. */
  emulated: z.object({ by: z.string(), cpu: z.string() }).optional(),
});

export type CacheInfo = z.infer<typeof cacheSchema>;
export type Inventory = z.infer<typeof inventorySchema>;
