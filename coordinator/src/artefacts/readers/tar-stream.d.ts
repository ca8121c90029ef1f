declare module 'tar-stream' {
  import type { Readable, Writable } from 'node:stream';

  export interface Headers {
    name: string;
    size?: number;
    type?: string | null;
    linkname?: string | null;
  }
  export interface Entry extends Readable {
    header: Headers;
  }
  export interface Extract extends Writable {
    [Symbol.asyncIterator](): AsyncIterator<Entry>;
  }
  export interface Pack extends Readable {
    entry(headers: Headers, content?: string | Uint8Array): Writable;
    finalize(): void;
  }
  export function extract(): Extract;
  export function pack(): Pack;
}
