import { watchParent } from '@qfleet/shared/child/watch-parent.ts';
import { backends } from '../backends/registry.gen.ts';
import { toFailure } from '../jobs/job-failure.ts';
import { createAnswerer } from './answer-requests.ts';
import type { RunnerMessage, RunnerRequest } from './protocol.ts';

/**
 * The runner: a child process that runs one variant, since a bad kernel can kill its process and an inference
 * blocks the event loop. It has no signal handlers (emulators crash in them). It leaves when the channel closes, and
 * in an inference is ended with its agent.
 */
watchParent();
const answer = createAnswerer(backends);
const send = (message: RunnerMessage): void => {
  process.send?.(message);
};

process.on('disconnect', () => process.exit(0));
process.on('message', async (request: RunnerRequest) => {
  try {
    send({ kind: 'done', answer: await answer(request, (fraction) => send({ kind: 'progress', fraction })) });
  } catch (thrown) {
    send({ kind: 'failed', failure: toFailure(thrown) });
  }
});
send({ kind: 'ready' });
