import { QfleetError } from '@qfleet/shared/errors.ts';

const localNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses a request whose Host header is not a name of this machine's loopback or one of `allowedHosts`, so that
 * a page in a browser cannot reach the API by pointing its own name at 127.0.0.1 (DNS rebinding). The port does
 * not matter. Throws `permission-denied`.
 */
export function checkHost(header: string | undefined, allowedHosts: readonly string[]): void {
  const host = (header ?? '').toLowerCase().replace(/:\d+$/, '');
  if (localNames.includes(host) || allowedHosts.includes(host)) return;
  throw new QfleetError('permission-denied', `Host "${host.slice(0, 80)}" is not one of ours.`, {
    hint: 'Use http://127.0.0.1, or allow the name with `./qfleet up --allow-host NAME`.',
  });
}
