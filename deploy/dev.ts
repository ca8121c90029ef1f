/**
 * `npm run dev`: a coordinator and two agents on this machine, restarted on save. Data stays in
 * `.qfleet/dev`; Ctrl-C ends all three.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const data = join(project, '.qfleet/dev');
const cli = join(project, 'coordinator/src/cli/main.ts');
const agent = join(project, 'agent/src/cli/qfleet-agent.cjs');
const children: ChildProcess[] = [];

const startWatched = (script: string, args: readonly string[]): void => {
  children.push(
    spawn(process.execPath, ['--watch', '--watch-preserve-output', script, ...args], { stdio: 'inherit' }),
  );
};
const stopAll = (): void => {
  for (const child of children) child.kill('SIGTERM');
};
process.on('SIGINT', stopAll);
process.on('SIGTERM', stopAll);

startWatched(cli, ['up', '--data', data, '--port', '7080', '--listen', '127.0.0.1:7443']);
while (!existsSync(join(data, 'operator.json'))) await sleep(200);
for (const [name, backends] of [
  ['dev-native', 'onnxruntime-cpu,noop'],
  ['dev-wasm', 'onnxruntime-wasm'],
] as const) {
  const identity = join(data, 'agents', name);
  if (!existsSync(join(identity, 'device.key'))) {
    execFileSync(process.execPath, [cli, 'device', 'add', name, '--out', identity, '--data', data], {
      stdio: 'inherit',
    });
  }
  startWatched(agent, ['run', '--identity', identity, '--backends', backends]);
}
