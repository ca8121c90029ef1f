import { watchParent } from '@qfleet/shared/child/watch-parent.ts';
import { backends } from '../backends/registry.gen.ts';
import { toFailure } from '../jobs/job-failure.ts';
import { createAnswerer } from './answer-requests.ts';
import type { RunnerMessage, RunnerRequest, Telling } from './protocol.ts';

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

const telling: Telling = {
  onProgress: (fraction) => send({ kind: 'progress', fraction }),
  onStage: (stage) => send({ kind: 'stage', stage }),
};

process.on('disconnect', () => process.exit(0));
process.on('message', async (request: RunnerRequest) => {
  try {
    send({ kind: 'done', answer: await answer(request, telling) });
  } catch (thrown) {
    send({ kind: 'failed', failure: toFailure(thrown) });
  }
});
send({ kind: 'ready' });
