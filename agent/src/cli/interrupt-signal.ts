import { QfleetError } from '@qfleet/shared/errors.ts';

/** Aborted by Ctrl-C or SIGTERM, so that what runs cleans up. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new QfleetError('cancelled', `Stopped by ${name}.`)));
  }
  return controller.signal;
}
