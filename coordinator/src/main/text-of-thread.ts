import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Worker } from 'node:worker_threads';
import { QfleetError } from '@qfleet/shared/errors.ts';

/**
 * The text that a thread has posted, which makes it as it is read. The thread ends with the stream, read or left; where
 * the thread ends before, or fails, so does the stream: nobody may take half a report for a whole one.
 */
export function textOfThread(
  worker: Worker,
  text: ReadableStream<Uint8Array>,
  explain: (thrown: Error) => Error = (thrown) => thrown,
): Readable {
  const readable = Readable.fromWeb(text);
  const breakOff = (cause?: Error): void => {
    const found = cause && explain(cause);
    const why = found ? `: ${found.message}` : '.';
    readable.destroy(
      found instanceof QfleetError
        ? found
        : new QfleetError('internal', `The report broke off${why}`, { cause }),
    );
  };
  // Without a listener the thread's error, such as running out of memory, would be the whole process's.
  worker.on('error', breakOff);
  worker.once('exit', () => breakOff());
  readable.once('close', () => void worker.terminate());
  return readable;
}
