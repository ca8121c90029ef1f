import { QfleetError } from '@qfleet/shared/errors.ts';
import { whenParentEnds } from '@qfleet/shared/process/when-parent-ends.ts';

/** Aborted by Ctrl-C, SIGTERM or the end of the process that started this one, so that what runs cleans up. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => controller.abort(new QfleetError('cancelled', `Stopped by ${name}.`)));
  }
  whenParentEnds(process.env, () =>
    controller.abort(new QfleetError('cancelled', 'Stopped: the process that started this one has ended.')),
  );
  return controller.signal;
}
