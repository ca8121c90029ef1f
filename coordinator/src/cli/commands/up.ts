import { once } from 'node:events';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Command, Option } from 'commander';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { commaList, hostPort, wholeNumber, withExample } from '../with-options.ts';

interface UpOptions extends GlobalOptions {
  readonly port: number;
  readonly listen: { host: string; port: number };
  readonly address?: string;
  readonly allowHost?: string[];
  readonly logLevel: string;
}

/** `qfleet up`: the coordinator, until it is stopped. */
export function addUpCommand(program: Command, context: CliContext): void {
  const command = program
    .command('up')
    .description('start the coordinator and stay until stopped')
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
    .option('--log-level <level>', 'debug, info, warn or error', 'info')
    .action(async () => up(context, command.optsWithGlobals<UpOptions>()));
  withExample(command, 'qfleet up --listen 0.0.0.0:7443 --address lab-server.local');
}

async function up(context: CliContext, options: UpOptions): Promise<void> {
  // Imported here: the other commands start faster without the server's libraries.
  const { startCoordinator } = await import('../../main/start-coordinator.ts');
  await using coordinator = await startCoordinator({
    dataDir: resolveDataDir({ flag: options.data, env: context.env, cwd: context.cwd }),
    api: { host: '127.0.0.1', port: options.port },
    fleet: options.listen,
    publicHosts: options.address === undefined ? [] : [options.address],
    allowedHosts: options.allowHost ?? [],
    logger: createLogger({ name: 'coordinator', level: options.logLevel }),
  });
  say(context, `qfleet coordinator ${coordinator.version}`);
  say(context, `  data    ${coordinator.dataDir}`);
  say(context, `  API     ${coordinator.url} (the token is in operator.json there)`);
  say(context, `  agents  ${coordinator.fleetAddress}`);
  for (const notice of coordinator.notices) say(context, `Warning: ${notice}`);
  say(
    context,
    'Next: qfleet device add NAME --out DIR, then on that machine: qfleet-agent run --identity DIR',
  );
  if (!context.signal.aborted) await once(context.signal, 'abort');
  say(context, 'Going down …');
}
