import { homedir } from 'node:os';
import { probeBackends } from '../backends/probe-backends.ts';
import { resolveBackends, resolveNodeCommand } from '../config/resolve-config.ts';
import { readEnvironment } from '../environment/read-environment.ts';
import { lockHost } from '../host/host-lock.ts';
import { readBootId } from '../inventory/read-boot-id.ts';
import { readInventory } from '../inventory/read-inventory.ts';
import { formatProbe } from '../probes/probe-table.ts';
import { runProbes } from '../probes/run-probes.ts';
import { formatBackends } from './format-backends.ts';
import { interruptSignal } from './interrupt-signal.ts';
import { createProgressLine } from './report-progress.ts';

/** `qfleet-agent probe`: this machine, measured under the host's lock. */
export async function probeCommand(options: {
  output: 'table' | 'json';
  memory: number;
  folder?: string;
  backends?: string;
}): Promise<void> {
  const signal = interruptSignal();
  using line = createProgressLine(process.stderr);
  const inventory = await readInventory();
  const onWait = (what: string): void => line.report(what, 0);
  await using _lock = await lockHost({
    bootId: process.env['QFLEET_AGENT_LOCK_NAME'] ?? (await readBootId()),
    agent: 'qfleet-agent probe',
    onWait,
    signal,
  });
  line.report('backends and their numeric fingerprints', 0);
  const nodeCommand = resolveNodeCommand(process.env);
  const only = resolveBackends(options.backends ?? process.env['QFLEET_AGENT_BACKENDS']);
  const backends = await probeBackends({ nodeCommand, only, signal });
  const environmentBefore = await readEnvironment();
  const facts = await runProbes({
    maxMemoryBytes: options.memory,
    emulated: inventory.emulated !== undefined,
    storageFolder: options.folder ?? homedir(),
    transfers: undefined,
    onProgress: (step, fraction) => line.report(step, fraction),
    signal,
  });
  const environmentAfter = await readEnvironment();
  line[Symbol.dispose]();
  const text =
    options.output === 'json'
      ? JSON.stringify({ inventory, backends, environmentBefore, environmentAfter, probe: facts }, null, 2)
      : `${formatProbe(inventory, facts)}\n\n${formatBackends(backends)}`;
  process.stdout.write(`${text}\n`);
}
