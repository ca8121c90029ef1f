import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const program = `
  import { createLogger } from '@qfleet/shared/logger.ts';
  import { surviveStrays } from '${new URL('./survive-strays.ts', import.meta.url)}';
  const problems = [];
  surviveStrays(createLogger({ name: 'test' }), (message) => problems.push(message));
  Promise.reject(new Error('a rejection'));
  setTimeout(() => { throw new Error('a timer'); }, 1);
  setTimeout(() => process.stdout.write(JSON.stringify(problems)), 50);
`;

test('what nobody caught is logged and told, and the process goes on', async () => {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: import.meta.dirname,
  });
  const [problems, log, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  assert.equal(code, 0, log);
  assert.deepEqual(JSON.parse(problems), [
    'Nothing had expected this: a rejection',
    'Nothing had expected this: a timer',
  ]);
  assert.match(log, /"stack":"Error: a rejection.*"origin":"unhandledRejection"/);
});
