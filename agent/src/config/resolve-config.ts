import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { parse } from 'yaml';
import * as z from 'zod';

/** What the user passed on the command line; absent: not passed. */
export interface ConfigFlags {
  readonly identity?: string;
  readonly coordinator?: string;
  readonly state?: string;
  readonly backends?: string;
  readonly logLevel?: string;
}

/** The agent's complete configuration. */
export interface AgentConfig {
  /** Folders, absolute. */
  readonly identityFolder: string;
  readonly stateFolder: string;
  /** `host:port`. */
  readonly coordinator: string;
  readonly name: string | undefined;
  /** Ids of the backends to offer; undefined: every one that works here. */
  readonly backends: readonly string[] | undefined;
  readonly logLevel: string;
  /** undefined: chosen from the free disk. */
  readonly cacheQuotaBytes: number | undefined;
  /** Another measurement lock than the host's, for tests that measure nothing real; undefined: the host's. */
  readonly lockName: string | undefined;
  /** What starts Node for a runner. */
  readonly nodeCommand: readonly string[];
}

const fileSchema = z.strictObject({
  coordinator: z.string().optional(),
  name: z.string().optional(),
  state: z.string().optional(),
  backends: z.union([z.string(), z.array(z.string())]).optional(),
  logLevel: z.string().optional(),
  cacheQuotaBytes: z.number().int().positive().optional(),
});

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Flag over environment (`QFLEET_AGENT_…`) over `agent.yaml` in the identity folder over default. Throws
 * `configuration` for what cannot be.
 */
export async function resolveConfig(flags: ConfigFlags, env: NodeJS.ProcessEnv): Promise<AgentConfig> {
  const identity = flags.identity ?? env['QFLEET_AGENT_IDENTITY'];
  if (!identity) {
    throw new QfleetError('configuration', 'No identity folder was given.', {
      hint: 'Pass --identity DIR, made on the coordinator with: qfleet device add NAME --out DIR',
    });
  }
  if (!existsSync(identity)) {
    throw new QfleetError('configuration', `There is no identity folder ${resolve(identity)}.`, {
      hint: 'Make it on the coordinator with: qfleet device add NAME --out DIR, and copy it here.',
    });
  }
  const file = await readConfigFile(join(identity, 'agent.yaml'));
  const backends = flags.backends ?? env['QFLEET_AGENT_BACKENDS'] ?? file.backends;
  return Object.freeze({
    identityFolder: resolve(identity),
    stateFolder: resolve(flags.state ?? env['QFLEET_AGENT_STATE'] ?? file.state ?? join(identity, 'state')),
    coordinator: parseAddress(
      flags.coordinator ?? env['QFLEET_AGENT_COORDINATOR'] ?? file.coordinator,
      identity,
    ),
    name: file.name,
    backends: typeof backends === 'string' ? splitList(backends) : backends,
    logLevel: parseLevel(flags.logLevel ?? env['QFLEET_AGENT_LOG_LEVEL'] ?? file.logLevel ?? 'info'),
    cacheQuotaBytes: parseQuota(env['QFLEET_AGENT_CACHE_QUOTA_BYTES']) ?? file.cacheQuotaBytes,
    lockName: env['QFLEET_AGENT_LOCK_NAME'],
    nodeCommand: resolveNodeCommand(env),
  });
}

/** What starts Node for a runner: this process's own, or the JSON array in QFLEET_NODE_COMMAND (an emulator's). */
export function resolveNodeCommand(env: NodeJS.ProcessEnv): readonly string[] {
  const text = env['QFLEET_NODE_COMMAND'];
  if (!text) return [process.execPath];
  try {
    return z.array(z.string()).min(1).parse(JSON.parse(text));
  } catch (cause) {
    throw new QfleetError(
      'configuration',
      `QFLEET_NODE_COMMAND: expected a JSON array of words, got ${text}.`,
      {
        hint: 'For example: ["/usr/bin/qemu-aarch64-static", "-cpu", "cortex-a53", "-L", "/sysroot", "/path/node"]',
        cause,
      },
    );
  }
}

async function readConfigFile(path: string): Promise<z.infer<typeof fileSchema>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new QfleetError('configuration', `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  try {
    return fileSchema.parse(parse(text) ?? {});
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new QfleetError('configuration', `${path} is not as it should be: ${problem}`, {
      hint: `It takes ${Object.keys(fileSchema.shape).join(', ')}.`,
      cause,
    });
  }
}

function parseAddress(text: string | undefined, identity: string): string {
  if (text && /^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/.test(text)) return text;
  const problem = text
    ? `expected HOST:PORT, got "${text}"`
    : `neither --coordinator nor ${identity}/agent.yaml names it`;
  throw new QfleetError('configuration', `The coordinator's address is not known: ${problem}.`, {
    hint: 'Pass --coordinator HOST:PORT, or write "coordinator: HOST:PORT" into agent.yaml.',
  });
}

function parseLevel(text: string): string {
  if (levels.includes(text)) return text;
  throw new QfleetError('configuration', `Log level: expected one of ${levels.join(', ')}, got "${text}".`);
}

function parseQuota(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = Number(text);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new QfleetError(
    'configuration',
    `QFLEET_AGENT_CACHE_QUOTA_BYTES: expected a number of bytes, got "${text}".`,
  );
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
