import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A name that this process alone holds; the kernel releases it when the process dies. */
export interface ExclusiveSocket extends AsyncDisposable {}

/**
 * Listens on the abstract unix socket of a name (Linux), or gives undefined where another process does. Abstract
 * names belong to the network namespace: containers with networks of their own do not see each other's.
 */
export async function tryExclusiveSocket(name: string): Promise<ExclusiveSocket | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined).on('close', () => waiting.delete(socket));
    socket.unref();
  });
  server.unref();
  if (!(await listens(server, abstractPath(name)))) return undefined;
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of waiting) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** Resolves when the holder of a name lets go of it or dies: its end of the connection closes. */
export async function waitForRelease(name: string, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const socket = connect(abstractPath(name));
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  await new Promise<void>((resolve) =>
    socket
      .on('error', () => undefined)
      .on('close', () => resolve())
      .resume(),
  );
  signal.removeEventListener('abort', onAbort);
}

async function listens(server: Server, path: string): Promise<boolean> {
  try {
    await once(server.listen(path), 'listening');
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw thrown;
  }
}

function abstractPath(name: string): string {
  return `\0${name}`;
}
