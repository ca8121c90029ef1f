import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Which way bytes go: from the agent to the coordinator, or back. */
export type Direction = 'requests' | 'answers';

/**
 * A TCP proxy on loopback that does to a connection what networks do: cuts it, also after so many bytes, takes no new
 * one, or lets nothing through in one direction or both while the connection stays open.
 */
export class FaultProxy implements AsyncDisposable {
  /** New connections are reset at once. */
  isRefusing = false;
  readonly #server: Server;
  readonly #pipes = new Set<Pipe>();
  readonly #held = new Set<Direction>();
  #cutAfter: { direction: Direction; bytes: number } | undefined;

  static async start(targetPort: number): Promise<FaultProxy> {
    const server = createServer();
    const proxy = new FaultProxy(server, targetPort);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    server.on('connection', (client) => this.#accept(client, targetPort));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  /** Nothing comes through any more in these directions, on connections of now and later. */
  hold(...directions: readonly Direction[]): void {
    for (const direction of directions) this.#held.add(direction);
    for (const pipe of this.#pipes) pipe.hold(this.#held);
  }

  /** What was held back comes through, and everything after it. */
  release(): void {
    this.#held.clear();
    for (const pipe of this.#pipes) pipe.hold(this.#held);
  }

  /** Resets every connection. */
  cut(): void {
    this.#cutAfter = undefined;
    for (const pipe of this.#pipes) pipe.cut();
  }

  /** Resets every connection as soon as so many bytes more have gone in that direction. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cutAfter = { bytes, direction };
  }

  /** Everything as it should be again; connections that are open stay so. */
  heal(): void {
    this.isRefusing = false;
    this.#cutAfter = undefined;
    this.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, targetPort: number): void {
    if (this.isRefusing) return void client.resetAndDestroy();
    const pipe = new Pipe(client, connect(targetPort, '127.0.0.1'), (bytes, direction) =>
      this.#allow(bytes, direction),
    );
    this.#pipes.add(pipe);
    client.once('close', () => this.#pipes.delete(pipe));
    pipe.hold(this.#held);
  }

  /** How many of these bytes may pass before the cut. */
  #allow(bytes: number, direction: Direction): number {
    const limit = this.#cutAfter;
    if (limit?.direction !== direction) return bytes;
    const allowed = Math.min(bytes, limit.bytes);
    limit.bytes -= allowed;
    if (limit.bytes === 0) setImmediate(() => this.cut());
    return allowed;
  }
}

class Pipe {
  readonly #client: Socket;
  readonly #target: Socket;
  #held: ReadonlySet<Direction> = new Set();

  constructor(client: Socket, target: Socket, allow: (bytes: number, direction: Direction) => number) {
    this.#client = client;
    this.#target = target;
    this.#forward(client, target, 'requests', allow);
    this.#forward(target, client, 'answers', allow);
  }

  hold(directions: ReadonlySet<Direction>): void {
    this.#held = directions;
    for (const direction of ['requests', 'answers'] as const) {
      const source = direction === 'requests' ? this.#client : this.#target;
      if (directions.has(direction)) source.pause();
      else source.resume();
    }
  }

  cut(): void {
    this.#client.resetAndDestroy();
    this.#target.resetAndDestroy();
  }

  #forward(
    from: Socket,
    to: Socket,
    direction: Direction,
    allow: (bytes: number, direction: Direction) => number,
  ): void {
    from.on('data', (data: Buffer) => {
      const allowed = allow(data.length, direction);
      if (allowed > 0 && !to.write(data.subarray(0, allowed))) from.pause();
    });
    to.on('drain', () => {
      if (!this.#held.has(direction)) from.resume();
    });
    from.on('error', () => undefined);
    from.once('close', () => to.destroy());
    from.once('end', () => to.end());
  }
}
