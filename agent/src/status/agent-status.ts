import * as z from 'zod';

/**
 * What the agent says of itself in `status.json` of its state folder, schema `qfleet.agent-status/1`. Who reads it
 * checks it; the running agent, which writes it, takes the type alone and stays small.
 */
export const agentStatusSchema = z.object({
  schema: z.literal('qfleet.agent-status/1'),
  pid: z.number().int(),
  agentVersion: z.string(),
  deviceId: z.string(),
  coordinator: z.string(),
  connected: z.boolean(),
  /** Absent when there is none. */
  job: z.object({ id: z.string(), kind: z.string(), step: z.string(), fraction: z.number() }).optional(),
  spool: z.object({ results: z.number().int(), bytes: z.number() }),
  cache: z.object({ bytes: z.number(), quotaBytes: z.number() }),
  backends: z.array(
    z.object({ id: z.string(), available: z.boolean(), version: z.string(), reason: z.string() }),
  ),
  /** What keeps runners from the rest of the machine, a line for each part; absent from older agents. */
  isolation: z.array(z.string()).optional(),
  lastError: z.object({ atUnixMs: z.number(), message: z.string() }).optional(),
  updatedAtUnixMs: z.number(),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;
