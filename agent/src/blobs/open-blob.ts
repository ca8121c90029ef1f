import type { Link } from '../session/link.ts';
import type { OpenBlob } from './download-blob.ts';

/** Blobs from the coordinator; one chunk is read from the wire when the one before has been taken. */
export function createBlobSource(link: Link): OpenBlob {
  return async function* openBlob(digest, offset, signal) {
    signal.throwIfAborted();
    const call = link.client.getBlob({ digest, offset });
    const onAbort = (): void => call.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const chunk of call) yield chunk;
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown;
    } finally {
      signal.removeEventListener('abort', onAbort);
      call.cancel();
    }
  };
}
