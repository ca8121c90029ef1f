import { findSocketOwner, isStopped } from './find-socket-owner.ts';

/** What a holder of the host's lock says of itself: one line of JSON. */
export interface LockStatement {
  readonly pid: number;
  readonly agent: string;
  readonly sinceUnixMs: number;
}

/** Who holds the host's lock, as far as it can be seen. */
export interface LockHolder {
  /** From /proc where that may be read, else as the holder says. */
  readonly pid: number | undefined;
  /** Absent where it does not say that it is one of ours. */
  readonly statement: LockStatement | undefined;
  readonly isStopped: boolean;
}

/** Looks at the holder of a name that sent this line: through all processes, which is nothing to do all the time. */
export async function findHolder(name: string, line: string | undefined): Promise<LockHolder> {
  const statement = parseStatement(line);
  const pid = (await findSocketOwner(name)) ?? statement?.pid;
  return await lookAgain({ pid, statement, isStopped: false });
}

/** The holder as it is now. */
export async function lookAgain(holder: LockHolder): Promise<LockHolder> {
  return { ...holder, isStopped: holder.pid !== undefined && (await isStopped(holder.pid)) === true };
}

/** `held by pid 12 (agent pi3) since 2026-01-01T00:00:00Z`, and what is wrong with it. */
export function nameHolder({ pid, statement, isStopped: stopped }: LockHolder): string {
  const process = pid === undefined ? 'a process of another user' : `pid ${pid}`;
  const trouble = stopped ? ', which is stopped' : '';
  if (!statement) return `held by ${process}${trouble || ', which does not say that it is an agent'}`;
  const since = new Date(statement.sinceUnixMs).toISOString().replace(/\.\d+/, '');
  return `held by ${process} (agent ${statement.agent}) since ${since}${trouble}`;
}

function parseStatement(line: string | undefined): LockStatement | undefined {
  try {
    const { pid, agent, sinceUnixMs } = JSON.parse(line ?? '') as Partial<LockStatement>;
    const isDate = typeof sinceUnixMs === 'number' && Math.abs(sinceUnixMs) <= 8.64e15;
    if (!Number.isSafeInteger(pid) || typeof agent !== 'string' || !isDate) return undefined;
    // It goes to terminals.
    return { pid: pid!, agent: agent.replace(/[^\x20-\x7e]/g, '?').slice(0, 60), sinceUnixMs };
  } catch {
    return undefined;
  }
}
