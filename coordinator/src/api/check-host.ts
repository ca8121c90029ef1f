import { QfleetError } from '@qfleet/shared/errors.ts';

const localNames = ['localhost', '127.0.0.1', '[::1]'];

/** What decides about a request. Node's parser keeps the first of two and drops the other; a proxy in front may take the second. */
const decidingHeaders = ['host', 'authorization', 'content-type', 'last-event-id'];

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

/** Refuses a request that has one of the deciding headers twice; names and values alternate. Throws `invalid-argument`. */
export function refuseRepeatedHeaders(rawHeaders: readonly string[]): void {
  const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const repeated = decidingHeaders.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (repeated === undefined) return;
  throw new QfleetError(
    'invalid-argument',
    `The request has the header ${repeated} twice; expected it once.`,
    {
      hint: 'Look at the proxy or program that sent it.',
    },
  );
}
