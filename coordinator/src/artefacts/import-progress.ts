import { QfleetError } from '@qfleet/shared/errors.ts';

export interface ImportProgress {
  readonly step: 'reading' | 'storing';
  /** Items. */
  readonly done: number;
  /** Undefined where only the end tells. */
  readonly total: number | undefined;
}

/** Where an import tells how far it is, and learns that it should stop. */
export interface ImportWatch {
  readonly onProgress?: (progress: ImportProgress) => void;
  readonly signal?: AbortSignal;
}

/** Tells every 100 items, and at the end, how far an import is; throws `cancelled` where it should stop. */
export function reportProgress(watch: ImportWatch, progress: ImportProgress): void {
  if (watch.signal?.aborted)
    throw new QfleetError('cancelled', 'The import was cancelled; nothing was recorded.');
  if (progress.done % 100 === 0 || progress.done === progress.total) watch.onProgress?.(progress);
}
