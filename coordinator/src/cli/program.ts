import { Command, type CommanderError, Option } from 'commander';
import { readVersion } from '../main/read-version.ts';
import type { CliContext } from './cli-context.ts';
import { addAgentCommands } from './commands/agent.ts';
import { addBackupCommand } from './commands/backup.ts';
import { addBundleCommands } from './commands/bundle.ts';
import { addCompareCommand } from './commands/compare.ts';
import { addCompatCommand } from './commands/compat.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDatasetCommands } from './commands/dataset.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDeviceCommands } from './commands/device.ts';
import { addDivergenceCommand } from './commands/divergence.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addDownCommand } from './commands/down.ts';
import { addGateCommand } from './commands/gate.ts';
import { addGcCommand } from './commands/gc.ts';
import { addImportCommands } from './commands/import.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addModelCommands } from './commands/model.ts';
import { addQuantizeCommand } from './commands/quantize.ts';
import { addRecipeCommands } from './commands/recipe.ts';
import { addReportCommand } from './commands/report.ts';
import { addRunCommands } from './commands/run.ts';
import { addTaskCommands } from './commands/task.ts';
import { addUpCommand } from './commands/up.ts';
import { addVariantCommands } from './commands/variant.ts';
import { addVirtualDevice } from './commands/virtual-device.ts';
import { withExample } from './with-options.ts';

const summary = `Finds out, by measurement, whether a quantized neural network still works, and still pays, on the board it has to run on.`;

/** The whole command line. A new command is one file in commands/ and one line here. */
export function createProgram(context: CliContext): Command {
  const program = new Command('qfleet')
    .description(summary)
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'explain a command, with an example')
    .addOption(
      new Option('--data <dir>', 'data folder of the coordinator (default: .qfleet)').env('QFLEET_DATA'),
    )
    .showSuggestionAfterError()
    .showHelpAfterError('Try --help.');
  withExample(program, './qfleet demo');
  addDemoCommand(program, context);
  addUpCommand(program, context);
  addDownCommand(program, context);
  addDeviceCommands(program, context);
  addModelCommands(program, context);
  addDatasetCommands(program, context);
  addVariantCommands(program, context);
  addRecipeCommands(program, context);
  addQuantizeCommand(program, context);
  addInspectCommand(program, context);
  addRunCommands(program, context);
  addReportCommand(program, context);
  addImportCommands(program, context);
  addCompareCommand(program, context);
  addGateCommand(program, context);
  addCompatCommand(program, context);
  addBundleCommands(program, context);
  addDivergenceCommand(program, context);
  addAgentCommands(program, context);
  addVirtualDevice(program, context);
  addTaskCommands(program, context);
  addGcCommand(program, context);
  addBackupCommand(program, context);
  addDoctorCommand(program, context);
  addCompletionCommand(program, context);
  adopt(program, context);
  return program;
}

/** Commander copies these settings to subcommands only when it makes them, so they are set on each here. */
function adopt(command: Command, context: CliContext): void {
  command
    .exitOverride(throwIt)
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'qfleet: ')),
    })
    .configureHelp({
      showGlobalOptions: true,
      sortSubcommands: false,
      commandUsage: (shown) => `${pathOf(shown)} ${shown.usage()}`,
    })
    .showHelpAfterError(`Try: ${pathOf(command)} --help`);
  for (const child of command.commands) adopt(child, context);
}

/** As it is typed in a checkout. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : `./${command.name()}`;
}

function throwIt(error: CommanderError): never {
  throw error;
}
