import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { readConfigFile } from './read-config-file.ts';

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
  /** Whether runners are kept from what is not theirs, as far as the machine can. */
  readonly isolatesRunners: boolean;
  /** What a runner may take beside Node's own reserve, bytes; undefined: three quarters of the machine's memory. */
  readonly runnerMemoryBytes: number | undefined;
  /** Another measurement lock than the host's, for tests that measure nothing real; undefined: the host's. */
  readonly lockName: string | undefined;
  /** What starts Node for a runner. */
  readonly nodeCommand: readonly string[];
}

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Flag over environment (`QFLEET_AGENT_…`) over `agent.yaml` in the identity folder over default. Throws
 * `configuration` for what cannot be.
 */
export async function resolveConfig(flags: ConfigFlags, env: NodeJS.ProcessEnv): Promise<AgentConfig> {
  const identity = flags.identity ?? env['QFLEET_AGENT_IDENTITY'];
  if (!identity) {
    throw new QfleetError('configuration', 'No identity folder was given.', {
      hint: 'Pass --identity DIR, made on the coordinator with: ./qfleet device add NAME --out DIR',
    });
  }
  if (!existsSync(identity)) {
    throw new QfleetError('configuration', `There is no identity folder ${resolve(identity)}.`, {
      hint: 'Make it on the coordinator with: ./qfleet device add NAME --out DIR, and copy it here.',
    });
  }
  const file = await readConfigFile(join(identity, 'agent.yaml'));
  return Object.freeze({
    identityFolder: resolve(identity),
    stateFolder: resolve(flags.state ?? env['QFLEET_AGENT_STATE'] ?? file.state ?? join(identity, 'state')),
    coordinator: parseAddress(
      flags.coordinator ?? env['QFLEET_AGENT_COORDINATOR'] ?? file.coordinator,
      identity,
    ),
    name: file.name,
    backends: resolveBackends(flags.backends ?? env['QFLEET_AGENT_BACKENDS'] ?? file.backends),
    logLevel: parseLevel(flags.logLevel ?? env['QFLEET_AGENT_LOG_LEVEL'] ?? file.logLevel ?? 'info'),
    cacheQuotaBytes: parseBytes(
      'cacheQuotaBytes',
      env['QFLEET_AGENT_CACHE_QUOTA_BYTES'] ?? file.cacheQuotaBytes,
    ),
    isolatesRunners: parseSwitch(env['QFLEET_AGENT_ISOLATION'] ?? file.isolation ?? 'on'),
    runnerMemoryBytes: parseBytes(
      'runnerMemoryBytes',
      env['QFLEET_AGENT_RUNNER_MEMORY_BYTES'] ?? file.runnerMemoryBytes,
    ),
    lockName: env['QFLEET_AGENT_LOCK_NAME'],
    nodeCommand: resolveNodeCommand(env),
  });
}

/** What starts Node for a runner: this process's own, or the JSON array in QFLEET_NODE_COMMAND (an emulator's). */
export function resolveNodeCommand(env: NodeJS.ProcessEnv): readonly string[] {
  const text = env['QFLEET_NODE_COMMAND'];
  if (!text) return [process.execPath];
  const words = parseJson(text);
  if (isWords(words)) return words;
  throw new QfleetError(
    'configuration',
    `QFLEET_NODE_COMMAND: expected a JSON array of words, got ${text}.`,
    {
      hint: 'For example: ["/usr/bin/qemu-aarch64-static", "-cpu", "cortex-a53", "-L", "/sysroot", "/path/node"]',
    },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string');
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

function parseSwitch(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new QfleetError('configuration', `isolation: expected on or off, got "${text}".`, {
    hint: 'Mend QFLEET_AGENT_ISOLATION, or isolation in agent.yaml.',
  });
}

function parseBytes(
  name: 'cacheQuotaBytes' | 'runnerMemoryBytes',
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const bytes = Number(text);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  const variable = { cacheQuotaBytes: 'CACHE_QUOTA_BYTES', runnerMemoryBytes: 'RUNNER_MEMORY_BYTES' }[name];
  throw new QfleetError('configuration', `${name}: expected a number of bytes, got "${text}".`, {
    hint: `Mend QFLEET_AGENT_${variable}, or ${name} in agent.yaml.`,
  });
}

/** Ids of backends from a comma-separated list; undefined: every one that works here. */
export function resolveBackends(asked: string | undefined): readonly string[] | undefined {
  return asked === undefined ? undefined : splitList(asked);
}

/** `a, b`, with or without YAML's brackets. */
function splitList(text: string): string[] {
  return text
    .replace(/^\[(.*)\]$/, '$1')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
