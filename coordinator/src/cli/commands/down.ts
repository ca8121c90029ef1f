import { setTimeout as sleep } from 'node:timers/promises';
import { QfleetError } from '@qfleet/shared/errors.ts';
import { isProcessAlive } from '@qfleet/shared/process/is-process-alive.ts';
import type { Command } from 'commander';
import { infoSchema } from '../../api/routes/health-routes.ts';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { withAnswer, withExample } from '../with-options.ts';

const intervalMs = 100;

/** A coordinator that was told to stop has this long to put its data away, milliseconds. */
const patienceMs = 60_000;

interface DownOptions extends GlobalOptions {
  readonly output?: string;
}

/** `qfleet down`: ends the coordinator of a data folder, wherever it was started. */
export function addDownCommand(program: Command, context: CliContext): void {
  const command = withAnswer(program.command('down'))
    .description('stop the coordinator of this data folder; agents keep their results until it is back')
    .action(async () => down(context, command.optsWithGlobals<DownOptions>()));
  withExample(command, './qfleet down');
}

async function down(context: CliContext, options: DownOptions): Promise<void> {
  parseAnswerFormat(options.output);
  const { env, cwd } = context;
  const dataDir = resolveDataDir({ flag: options.data, env, cwd });
  const pid = await askPid(context, dataDir);
  if (pid === undefined) {
    say(context, `No coordinator runs on ${dataDir}.`);
    return printAnswer(context, options, { dataDir, wasRunning: false });
  }
  process.kill(pid, 'SIGTERM');
  const deadlineMs = performance.now() + patienceMs;
  while (isProcessAlive(pid)) {
    if (performance.now() > deadlineMs) {
      throw new QfleetError('timeout', `The coordinator (pid ${pid}) is still stopping.`, {
        hint: `Repeat the command; at the very last: kill -KILL ${pid}`,
      });
    }
    await sleep(intervalMs, undefined, { signal: context.signal });
  }
  say(context, `The coordinator on ${dataDir} has stopped (it was pid ${pid}).`);
  printAnswer(context, options, { dataDir, wasRunning: true, pid });
}

/** A number in a file may belong to another process by now: the coordinator itself says which it is. */
async function askPid({ cwd }: CliContext, dataDir: string): Promise<number | undefined> {
  try {
    const client = await connectToCoordinator({ env: {}, cwd }, { data: dataDir });
    return (await client.get('/v1/info', infoSchema)).pid;
  } catch (thrown) {
    if (QfleetError.from(thrown).code === 'no-coordinator') return undefined;
    throw thrown;
  }
}
