import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A name that this process alone holds; the kernel releases it when the process dies. */
export interface ExclusiveSocket extends AsyncDisposable {}

/** What a holder says of itself is cut off here: anybody may listen on a name. */
const maxStatementChars = 1000;

/**
 * Listens on the abstract unix socket of a name (Linux), or gives undefined where another process does; whoever connects
 * is sent the statement. Abstract names belong to the network namespace: containers with networks of their own do not
 * see each other's.
 */
export async function tryExclusiveSocket(name: string, statement = ''): Promise<ExclusiveSocket | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined).on('close', () => waiting.delete(socket));
    socket.write(`${statement}\n`);
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

/** A connection to the holder of a name. */
export interface HolderConnection extends Disposable {
  /** The line that it sent; undefined where none came in time, or nobody listens any more. */
  readonly statement: string | undefined;
  /** Closed before it said anything. */
  readonly isClosed: boolean;
  /** Resolves when the holder lets go of the name or dies: its end of the connection closes. */
  readonly closed: Promise<void>;
}

/** Connects to the holder of a name and waits so long for its statement. */
export async function connectToHolder(name: string, answerLimitMs: number): Promise<HolderConnection> {
  const socket = connect(abstractPath(name)).setEncoding('utf8');
  const closed = new Promise<void>((resolve) =>
    socket.on('error', () => undefined).on('close', () => resolve()),
  );
  const statement = await readLine(socket, closed, answerLimitMs);
  const isClosed = statement === undefined && socket.closed;
  return { statement, isClosed, closed, [Symbol.dispose]: () => void socket.destroy() };
}

function readLine(socket: Socket, closed: Promise<void>, limitMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => resolve(undefined), limitMs);
    socket.on('data', (chunk: string) => {
      text = (text + chunk).slice(0, maxStatementChars);
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    void closed.then(() => resolve(undefined)).finally(() => clearTimeout(timer));
  });
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
