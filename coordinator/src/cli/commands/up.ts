import { once } from 'node:events';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Command, Option } from 'commander';
import { infoSchema } from '../../api/routes/health-routes.ts';
import { readPidFile, removePidFile, writePidFile } from '../../main/pid-file.ts';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { parseAnswerFormat, printAnswer } from '../output/print-answer.ts';
import { logPathOf, startDetached } from '../start-detached.ts';
import { commaList, hostPort, wholeNumber, withAnswer, withExample } from '../with-options.ts';

interface UpOptions extends GlobalOptions {
  readonly port: number;
  readonly listen: { host: string; port: number };
  readonly address?: string;
  readonly allowHost?: string[];
  readonly reportMemory?: number;
  readonly logLevel: string;
  readonly detach?: boolean;
  readonly output?: string;
}

/** `qfleet up`: the coordinator, until it is stopped. */
export function addUpCommand(program: Command, context: CliContext): void {
  const command = withAnswer(program.command('up'))
    .description('start the coordinator and stay until stopped; with --detach, go on in the background')
    .option('-d, --detach', 'return when it answers; its log goes to coordinator.log of the data folder')
    .option('--port <n>', 'port of the operators’ API on 127.0.0.1; 0: any free one', wholeNumber(0), 7080)
    .addOption(
      new Option('--listen <host:port>', 'where agents connect; 0.0.0.0:7443 for boards elsewhere')
        .argParser(hostPort)
        .default({ host: '127.0.0.1', port: 7443 }, '127.0.0.1:7443'),
    )
    .option(
      '--address <host>',
      'name or address that boards reach this machine by; goes into the certificate',
    )
    .option('--allow-host <names>', 'further Host headers that the API answers, comma-separated', commaList)
    .option('--report-memory <MB>', 'what a report may take; half of the machine by default', wholeNumber(64))
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async () => {
      const options = command.optsWithGlobals<UpOptions>();
      parseAnswerFormat(options.output);
      if (options.detach) return detach(context, options, (program as Raw).rawArgs);
      await up(context, options);
    });
  withExample(command, './qfleet up --listen 0.0.0.0:7443 --address lab-server.local');
}

type Raw = Command & { readonly rawArgs: readonly string[] };

/** Repeated, it finds the coordinator that is there: a script can begin with it. */
async function detach(context: CliContext, options: UpOptions, rawArgs: readonly string[]): Promise<void> {
  const dataDir = resolveDataDir({ flag: options.data, env: context.env, cwd: context.cwd });
  const wasRunning = readPidFile(dataDir).state === 'alive';
  if (wasRunning) say(context, 'There is one already; it stays as it was started.');
  else
    await startDetached(context, {
      dataDir,
      args: rawArgs.filter((arg) => !['--detach', '-d'].includes(arg)),
    });
  const client = await connectToCoordinator({ env: {}, cwd: context.cwd }, { data: dataDir });
  const info = await client.get('/v1/info', infoSchema);
  tellStarted(context, { ...info, url: client.url });
  if (!wasRunning) say(context, `  log     ${logPathOf(dataDir)}`);
  say(context, `  pid     ${info.pid}; stop it with: ./qfleet down${dataFlag(options)}`);
  tellNext(context);
  printAnswer(context, options, { ...info, url: client.url });
}

/** What the next command has to repeat, so that it finds the same coordinator. */
function dataFlag({ data }: UpOptions): string {
  return data === undefined ? '' : ` --data ${data}`;
}

function tellStarted(
  context: CliContext,
  { version, dataDir, url, fleetAddress }: Record<'version' | 'dataDir' | 'url' | 'fleetAddress', string>,
): void {
  say(context, `qfleet coordinator ${version}`);
  say(context, `  data    ${dataDir}`);
  say(context, `  API     ${url} (the token is in operator.json there)`);
  say(context, `  agents  ${fleetAddress}`);
}

function tellNext(context: CliContext): void {
  say(
    context,
    'Next: ./qfleet device add NAME --out DIR, then on that machine: ./qfleet-agent run --identity DIR',
  );
}

async function up(context: CliContext, options: UpOptions): Promise<void> {
  const dataDir = resolveDataDir({ flag: options.data, env: context.env, cwd: context.cwd });
  await writePidFile(dataDir);
  using pidFile = new DisposableStack();
  pidFile.defer(() => removePidFile(dataDir));
  // Imported here: the other commands start faster without the server's libraries.
  const { startCoordinator } = await import('../../main/start-coordinator.ts');
  await using coordinator = await startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: options.port },
    fleet: options.listen,
    publicHosts: options.address === undefined ? [] : [options.address],
    allowedHosts: options.allowHost ?? [],
    reportMemoryBytes: options.reportMemory === undefined ? undefined : options.reportMemory * 2 ** 20,
    logger: createLogger({ name: 'coordinator', level: options.logLevel }),
  });
  tellStarted(context, coordinator);
  for (const notice of coordinator.notices) say(context, `Warning: ${notice}`);
  tellNext(context);
  if (!context.signal.aborted) await once(context.signal, 'abort');
  say(context, 'Going down …');
}
