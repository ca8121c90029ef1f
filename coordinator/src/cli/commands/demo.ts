import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '@qfleet/shared/logger.ts';
import { type Command, Option } from 'commander';
import { resolveDataDir } from '../../main/resolve-data-dir.ts';
import { connectToCoordinator } from '../api-client.ts';
import { type CliContext, type GlobalOptions, say } from '../cli-context.ts';
import { runDemo } from '../demo/run-demo.ts';
import { withExample } from '../with-options.ts';

interface DemoOptions extends GlobalOptions {
  readonly keep?: boolean;
  readonly emulate: boolean;
  readonly logLevel: string;
}

/** `qfleet demo`: the main job on this machine, embedded. `npm start` runs it. */
export function addDemoCommand(program: Command, context: CliContext): void {
  const command = program
    .command('demo')
    .description(
      'the whole job on this machine: coordinator, agents, sample model and data, quantize, run, report',
    )
    .option('--keep', 'stay up afterwards')
    .option('--no-emulate', 'leave out the emulated board')
    .addOption(new Option('--log-level <level>', 'debug, info, warn or error').default('error'))
    .action(async () => demo(context, command.optsWithGlobals<DemoOptions>()));
  withExample(command, './qfleet demo --keep');
}

async function demo(context: CliContext, options: DemoOptions): Promise<void> {
  const { env, cwd } = context;
  const base = resolveDataDir({ flag: options.data, env, cwd });
  const dataDir = options.data === undefined && !env['QFLEET_DATA'] ? join(base, 'demo') : base;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // Imported here: the other commands start faster without the server's libraries.
  const { startCoordinator } = await import('../../main/start-coordinator.ts');
  await using coordinator = await startCoordinator({
    dataDir,
    api: { host: '127.0.0.1', port: 0 },
    fleet: { host: '127.0.0.1', port: 0 },
    publicHosts: [],
    allowedHosts: [],
    logger: createLogger({ name: 'coordinator', level: options.logLevel }),
  });
  const client = await connectToCoordinator({ env: {}, cwd }, { data: dataDir });
  const demo = { context, client, coordinator, dataDir, reportsDir: join(base, 'reports') };
  await runDemo(demo, { emulate: options.emulate, whenDone: () => stay(context, options, coordinator.url) });
}

async function stay({ signal, ...context }: CliContext, options: DemoOptions, url: string): Promise<void> {
  if (!options.keep) return;
  say({ signal, ...context }, `Staying up at ${url}, with the agents; Ctrl-C ends them.`);
  if (!signal.aborted) await once(signal, 'abort');
}
