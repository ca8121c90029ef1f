import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { runThrough } from '../run-through.ts';
import { withExample } from '../with-options.ts';

const script = fileURLToPath(new URL('../../../../deploy/virtual-device.ts', import.meta.url));

/** `qfleet virtual-device`: emulated boards, agents in the fleet like any other but never timed. */
export function addVirtualDevice(program: Command, context: CliContext): void {
  const group = program
    .command('virtual-device')
    .description('emulated boards: real kernels and numerics, no timings (needs qemu-user)');
  withExample(group, './qfleet virtual-device start pi3 --identity ./pi3');
  const start = group
    .command('start <board>')
    .description('run the agent on an emulated pi3, pi4, pi5, jetson-nano, x86-avx2 or x86-sse until stopped')
    .requiredOption('--identity <dir>', 'folder made by `./qfleet device add`')
    .option('--backends <ids>', 'offer these alone, comma-separated')
    .action(async (board: string) => {
      const { identity, backends } = start.opts<{ identity: string; backends?: string }>();
      const limited = backends === undefined ? [] : ['--backends', backends];
      const args = [script, 'run', board, '--identity', identity, ...limited];
      process.exitCode = await runThrough(context, process.execPath, args);
    });
  withExample(
    start,
    './qfleet device add pi3 --out ./pi3 && ./qfleet virtual-device start pi3 --identity ./pi3',
  );
  const probe = group
    .command('probe <board>')
    .description('what the agent says of an emulated board')
    .option('-o, --output <format>', 'table or json', 'table')
    .action(async (board: string) => {
      const { output } = probe.opts<{ output: string }>();
      const args = [script, 'exec', board, 'probe', '-o', output];
      process.exitCode = await runThrough(context, process.execPath, args);
    });
  withExample(probe, './qfleet virtual-device probe jetson-nano');
}
