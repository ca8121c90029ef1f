import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTempFolder, type TempFolder } from '../files/make-temp-folder.ts';

const bufferedBytes = 1 << 20;

/**
 * Raw items in a temporary file, so that an import may look at all of them before it divides them, without
 * holding them in memory. Items are appended in order, then read by index. Removed when disposed.
 */
export class ItemSpool implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #file: FileHandle;
  readonly #offsets: number[] = [0];
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  private constructor(folder: TempFolder, file: FileHandle) {
    this.#folder = folder;
    this.#file = file;
  }

  static async create(parent?: string): Promise<ItemSpool> {
    const folder = await makeTempFolder('import', parent);
    return new ItemSpool(folder, await open(join(folder.path, 'items'), 'wx+', 0o600));
  }

  get count(): number {
    return this.#offsets.length - 1;
  }

  get totalBytes(): number {
    return this.#offsets.at(-1)!;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#offsets.push(this.totalBytes + bytes.length);
    if (this.#pendingBytes >= bufferedBytes) await this.#flush();
  }

  async read(index: number): Promise<Buffer> {
    await this.#flush();
    const start = this.#offsets[index]!;
    const bytes = Buffer.allocUnsafeSlow(this.#offsets[index + 1]! - start);
    await this.#file.read(bytes, 0, bytes.length, start);
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await this.#folder[Symbol.asyncDispose]();
  }

  async #flush(): Promise<void> {
    if (this.#pendingBytes === 0) return;
    const bytes = Buffer.concat(this.#pending);
    const position = this.totalBytes - bytes.length;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let written = 0; written < bytes.length; ) {
      const result = await this.#file.write(bytes, written, bytes.length - written, position + written);
      written += result.bytesWritten;
    }
  }
}
