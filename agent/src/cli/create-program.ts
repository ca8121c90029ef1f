import { profileNames } from '@qfleet/shared/loadgen/profiles.ts';
import { scenarios } from '@qfleet/shared/loadgen/scenarios.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { agentVersion } from '../agent-version.ts';

/** The commands of `qfleet-agent`. What a command needs is loaded when it is called: a running agent stays small. */
export function createProgram(): Command {
  const program = new Command('qfleet-agent')
    .description('qfleet’s process on a device: runs quantized models and reports what it measures')
    .version(agentVersion)
    .exitOverride()
    .configureHelp({ commandUsage });
  addRun(program);
  addStatus(program);
  addProbe(program);
  addBench(program);
  // Sub-commands take the setting over only when they are made after it.
  for (const command of program.commands) command.exitOverride().configureHelp({ commandUsage });
  return program;
}

/** As it is typed in a checkout. */
function commandUsage(command: Command): string {
  const path = command.parent ? `${command.parent.name()} ${command.name()}` : command.name();
  return `./${path} ${command.usage()}`;
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('connect to the coordinator and work until stopped')
    .option('--identity <dir>', 'folder made by `./qfleet device add` [QFLEET_AGENT_IDENTITY]')
    .option('--coordinator <host:port>', 'where the coordinator listens [QFLEET_AGENT_COORDINATOR]')
    .option('--state <dir>', 'cache, unsent results, work; by default DIR/state [QFLEET_AGENT_STATE]')
    .option('--backends <ids>', 'offer these alone, comma-separated [QFLEET_AGENT_BACKENDS]')
    .option('--log-level <level>', 'trace, debug, info, warn, error [QFLEET_AGENT_LOG_LEVEL]')
    .addHelpText(
      'after',
      '\nSIGTERM: finish the job in hand, then leave. Again, or SIGQUIT: leave now; the job comes back.\n\nExample:\n  ./qfleet-agent run --identity ./pi3',
    )
    .action(async (options) => (await import('./run-command.ts')).runCommand(options));
}

function addStatus(program: Command): void {
  program
    .command('status')
    .description('what the agent on this device is doing')
    .option('--state <dir>', 'its state folder [QFLEET_AGENT_STATE]')
    .option('--identity <dir>', 'its identity folder [QFLEET_AGENT_IDENTITY]')
    .addOption(outputOption())
    .addHelpText('after', '\nExample:\n  ./qfleet-agent status --identity ./pi3')
    .action(async (options) => (await import('./status-command.ts')).statusCommand(options));
}

function addProbe(program: Command): void {
  program
    .command('probe')
    .description('this machine: inventory, clock, memory, caches, peak compute, storage, counters, meters')
    .addOption(outputOption())
    .option('--memory <bytes>', 'memory that it may use; by default a quarter of what is free', parseCount, 0)
    .option('--folder <dir>', 'on the disk whose speed is measured; by default the home folder')
    .option('--backends <ids>', 'look at these alone, comma-separated [QFLEET_AGENT_BACKENDS]')
    .addHelpText('after', '\nExample:\n  ./qfleet-agent probe')
    .action(async (options) => (await import('./probe-command.ts')).probeCommand(options));
}

function addBench(program: Command): void {
  program
    .command('bench')
    .description('time one model on this machine, without a coordinator, on random inputs')
    .argument('<model>', 'an ONNX file')
    .option('--contract <file>', 'input contract, YAML or JSON: random images go through it')
    .addOption(new Option('--input-contract <file>', 'as --contract, its earlier name').hideHelp())
    .option('--backend <id>', 'what executes it', 'onnxruntime-cpu')
    .option('--threads <n>', 'threads inside an operator; 0: all processors', parseCount, 0)
    .option('--batch <n>', 'samples in one inference', parseCount, 1)
    .option(
      '--dimensions <sizes>',
      'sizes of dimensions that the model leaves open, by name or place: height=224,x[3]=224',
      parseDimensions,
      {},
    )
    .addOption(
      new Option('--scenario <name>', 'how load is offered').choices(scenarios).default('single-stream'),
    )
    .addOption(
      new Option('--profile <name>', 'how long: 6, 10 or 60 s at least over all launches')
        .choices(profileNames)
        .default('quick'),
    )
    .option('--launches <n>', 'fresh processes that each time it', parseCount, 6)
    .option('--duration <ms>', 'timed section of a launch, at least; by default the profile’s', parseCount)
    .option('--samples-per-query <n>', 'multi-stream: samples in a query', parseCount, 8)
    .option('--bound <ms>', 'server: latency from the scheduled arrival, at most', parsePositive, 100)
    .option(
      '--percentile <p>',
      'server: at which the bound is kept, 50 … 99.9; by default the profile’s',
      parsePositive,
    )
    .option(
      '--rate <n>',
      'server: queries a second; by default the highest within the bound is searched',
      parsePositive,
      0,
    )
    .option('--fps <n>', 'fixed-rate: frames a second', parsePositive, 30)
    .option(
      '--repeats <n>',
      'launch all again, so often at most, where the timing cannot be trusted',
      parseCount,
      0,
    )
    .option('--counters', 'one more launch under hardware counters', false)
    .option('--sustained <minutes>', 'one more launch without a pause', parsePositive, 0)
    .addOption(
      new Option('-o, --output <format>', 'how to print it')
        .choices(['table', 'json', 'mlperf'])
        .default('table'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  ./qfleet-agent bench mobilenetv2-7.onnx --threads 1\n  ./qfleet-agent bench mobilenetv2-7.onnx --scenario server --bound 50 -o mlperf',
    )
    .action(async (model, options) => (await import('./bench-command.ts')).benchCommand(model, options));
}

function outputOption(): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table');
}

/** `NAME=SIZE`, several by commas or by repeating the option. */
function parseDimensions(text: string, before: Record<string, number>): Record<string, number> {
  const sizes = { ...before };
  for (const part of text.split(',')) {
    const match = /^(.+)=([1-9]\d*)$/.exec(part.trim());
    if (!match) throw new InvalidArgumentError('Expected NAME=SIZE, for example height=224,width=224.');
    sizes[match[1]!] = Number(match[2]);
  }
  return sizes;
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

function parseCount(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a whole number that is not negative.');
}
