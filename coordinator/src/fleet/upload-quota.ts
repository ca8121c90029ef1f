import { QfleetError } from '@qfleet/shared/errors.ts';

/** Bounds what one device may upload: so many at once, and so many bytes until its next result is stored. */
export class UploadQuota {
  readonly #limits: { readonly maxUploads: number; readonly maxBytesPerResult: number };
  readonly #used = new Map<string, { uploads: number; bytes: number }>();

  constructor(limits: { readonly maxUploads: number; readonly maxBytesPerResult: number }) {
    this.#limits = limits;
  }

  /** Books an upload of so many bytes; throws `resource-exhausted`. The returned function ends it. */
  begin(deviceId: string, bytes: number): () => void {
    const used = this.#used.get(deviceId) ?? { uploads: 0, bytes: 0 };
    if (used.uploads >= this.#limits.maxUploads) {
      throw new QfleetError('resource-exhausted', `${used.uploads} uploads of this device are under way.`, {
        hint: 'Wait until one of them has ended.',
      });
    }
    if (used.bytes + bytes > this.#limits.maxBytesPerResult) {
      throw new QfleetError(
        'resource-exhausted',
        `This device may upload ${this.#limits.maxBytesPerResult} bytes for one result; ${used.bytes} are used, ${bytes} were asked for.`,
        { hint: 'Keep fewer raw outputs: lower the evaluation limit or comparison count of the plan.' },
      );
    }
    used.uploads++;
    used.bytes += bytes;
    this.#used.set(deviceId, used);
    return () => {
      used.uploads--;
    };
  }

  /** A result came: what was uploaded so far has found its purpose. */
  settle(deviceId: string): void {
    const used = this.#used.get(deviceId);
    if (used) used.bytes = 0;
  }
}
