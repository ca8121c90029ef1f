import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';
import type { Isolation } from '../isolation/isolation.ts';
import { startRunner } from '../runner/start-runner.ts';
import { backends } from './registry.gen.ts';

/** Emulated, loading a backend takes seconds; a minute and a half means that it hangs. */
const probeLimitMs = 90_000;

export interface ProbeBackendsOptions {
  readonly nodeCommand: readonly string[];
  /** Ids to offer; undefined: all. An id that this agent does not have throws `configuration`. */
  readonly only: readonly string[] | undefined;
  readonly signal: AbortSignal;
  /** As runners of jobs will have it: what works without may not work with it. */
  readonly isolation?: Isolation | undefined;
}

/** Which backends work here, each asked in a child process of its own: what kills that is a reason, not the end. */
export async function probeBackends({
  nodeCommand,
  only,
  signal,
  isolation,
}: ProbeBackendsOptions): Promise<BackendInfo__Output[]> {
  const known = backends.map(({ id }) => id);
  const unknown = only?.find((id) => !known.includes(id));
  if (unknown !== undefined) {
    throw new QfleetError('configuration', `This agent has no backend "${unknown}".`, {
      hint: `It has ${known.join(', ')}.`,
    });
  }
  const infos: BackendInfo__Output[] = [];
  // One after the other: together they would only wait for each other on a small board.
  for (const id of known)
    if (!only || only.includes(id)) infos.push(await probeBackend(id, { nodeCommand, signal, isolation }));
  return infos;
}

async function probeBackend(
  id: string,
  { nodeCommand, signal, isolation }: Omit<ProbeBackendsOptions, 'only'>,
): Promise<BackendInfo__Output> {
  try {
    const obstacle = await backends.find((backend) => backend.id === id)?.findObstacle?.();
    if (obstacle !== undefined) return unavailable(id, obstacle);
    await using runner = await startRunner({ nodeCommand, affinity: [], signal, isolation });
    const answer = await runner.request(
      { kind: 'probe', backend: id },
      { limits: { loading: probeLimitMs } },
    );
    if (!answer.available) return unavailable(id, answer.reason);
    return {
      id,
      available: true,
      version: answer.version,
      reason: '',
      capabilities: { ...answer.capabilities },
    };
  } catch (thrown) {
    signal.throwIfAborted();
    return unavailable(id, describe(QfleetError.from(thrown)));
  }
}

/** `crashed: SIGILL` and the like, short enough for a table. */
function describe({ code, message }: QfleetError): string {
  const signalName = /\b(SIG[A-Z]+)\b/.exec(message)?.[1];
  return code === 'crashed' && signalName ? `crashed: ${signalName}` : `${code}: ${message}`;
}

function unavailable(id: string, reason: string): BackendInfo__Output {
  return { id, available: false, version: '', reason, capabilities: {} };
}
