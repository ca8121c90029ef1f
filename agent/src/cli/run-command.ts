import { createLogger, type Logger } from '@qfleet/shared/logger.ts';
import { whenParentEnds } from '@qfleet/shared/process/when-parent-ends.ts';
import { readIdentity } from '../config/read-identity.ts';
import { type ConfigFlags, resolveConfig } from '../config/resolve-config.ts';
import { runAgent } from '../run-agent.ts';

/** `qfleet-agent run`. */
export async function runCommand(flags: ConfigFlags): Promise<void> {
  const config = await resolveConfig(flags, process.env);
  const identity = await readIdentity(config.identityFolder);
  const log = createLogger({ name: 'qfleet-agent', level: config.logLevel });
  const { drain, leave } = listenForEnd(log);
  await runAgent({ config, identity, log, drain, leave });
  // Nothing is left to do; whatever still holds the event loop must not hold up a restart.
  process.exit(0);
}

/**
 * The first SIGTERM or SIGINT, or the end of the npm that started us, asks to finish; any second signal, SIGQUIT, or
 * the end of standard input where that is a parent's pipe, to leave at once.
 */
function listenForEnd(log: Logger): { readonly drain: AbortSignal; readonly leave: AbortSignal } {
  const drain = new AbortController();
  const leave = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    log.info({ signal: name }, 'Told to stop.');
    if (drain.signal.aborted) leave.abort();
    drain.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  process.on('SIGQUIT', () => leave.abort());
  whenParentEnds(process.env, () => {
    log.info('The process that started this one has ended: finishing the job in hand, then leaving.');
    drain.abort();
  });
  if (process.env['QFLEET_EXIT_WITH_STDIN'] === '1') {
    // An embedded agent must not outlive the process that started it, however that ended.
    process.stdin.on('end', () => leave.abort()).on('error', () => leave.abort());
    process.stdin.resume();
  }
  return { drain: drain.signal, leave: leave.signal };
}
