import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { projectFolder } from './support/project-folder.ts';

const agent = join(projectFolder, 'agent/src/cli/qfleet-agent.cjs');
const model = join(projectFolder, 'coordinator/sample/glyphnet.onnx');
const args = ['bench', model, '--profile', 'rapid', '--duration', '300', '--threads', '1', '-o', 'json'];

test('a timing beside processes that keep all processors busy is called contended, not trusted', async () => {
  const busy = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [agent, ...args]);
    const { timing } = JSON.parse(stdout);
    assert.equal(timing.verdict, 'contended', stdout);
    const details = timing.reasons.map(({ detail }: { detail: string }) => detail).join('; ');
    assert.match(details, /other processes took \d+\.\d % of the processor time/);
  } finally {
    for (const child of busy) child.kill('SIGKILL');
  }
});
