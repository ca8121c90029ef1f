import type { Digest } from '@qfleet/shared/digest.ts';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { BlobStore } from '../blobs/blob-store.ts';

interface Upload {
  readonly digest: Digest;
  /** Size of the whole blob. */
  readonly totalBytes: number;
}

/**
 * Bounds what one device may upload: so many at once, and so many bytes until its next result is stored. What counts
 * is what lies on the disk, asked for each time, and the whole of each upload under way: an upload that broke off
 * counts with what came of it, one that was given up or collected as garbage not at all.
 */
export class UploadQuota {
  readonly #limits: { readonly maxUploads: number; readonly maxBytesPerResult: number };
  readonly #blobs: Pick<BlobStore, 'listUploads'>;
  readonly #underWay = new Map<string, Set<Upload>>();

  constructor(
    limits: { readonly maxUploads: number; readonly maxBytesPerResult: number },
    blobs: Pick<BlobStore, 'listUploads'>,
  ) {
    this.#limits = limits;
    this.#blobs = blobs;
  }

  /** Admits an upload; throws `resource-exhausted`. The returned function ends it. */
  async begin(deviceId: string, upload: Upload): Promise<() => void> {
    const others = this.#admit(deviceId, upload);
    const end = (): void => this.#end(deviceId, upload);
    try {
      await this.#checkBytes(deviceId, upload, others);
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Adds it before the disk is asked, so that of uploads that begin together each counts the other; returns those others. */
  #admit(deviceId: string, upload: Upload): readonly Upload[] {
    const underWay = this.#underWay.get(deviceId) ?? new Set<Upload>();
    if (underWay.size >= this.#limits.maxUploads) {
      throw new QfleetError('resource-exhausted', `${underWay.size} uploads of this device are under way.`, {
        hint: 'Wait until one of them has ended.',
      });
    }
    const others = [...underWay];
    this.#underWay.set(deviceId, underWay.add(upload));
    return others;
  }

  async #checkBytes(deviceId: string, upload: Upload, others: readonly Upload[]): Promise<void> {
    const used = new Map<Digest, number>();
    for (const [digest, { sizeBytes }] of await this.#blobs.listUploads(deviceId))
      used.set(digest, sizeBytes);
    for (const { digest, totalBytes } of others) used.set(digest, totalBytes);
    used.delete(upload.digest);
    const usedBytes = [...used.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (usedBytes + upload.totalBytes <= this.#limits.maxBytesPerResult) return;
    throw new QfleetError(
      'resource-exhausted',
      `This device may upload ${this.#limits.maxBytesPerResult} bytes for one result; ${usedBytes} are used, ${upload.totalBytes} were asked for.`,
      { hint: 'Keep fewer raw outputs: lower the evaluation limit or comparison count of the plan.' },
    );
  }

  #end(deviceId: string, upload: Upload): void {
    const underWay = this.#underWay.get(deviceId);
    underWay?.delete(upload);
    if (underWay?.size === 0) this.#underWay.delete(deviceId);
  }
}
