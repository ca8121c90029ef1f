import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { coordinatorName } from '@qfleet/shared/grpc/agent-service.ts';

export interface ServerName {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/**
 * What the server's certificate names, sorted: the coordinator's fixed name, which agents verify; then, for other
 * clients that go by the address, loopback, host name, every address of this host, and the extras.
 */
export function listServerNames(extraNames: readonly string[]): ServerName[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map((entry) => entry.address)
    // A link-local address is meaningless without its interface, which a certificate cannot name.
    .filter((address) => !address.toLowerCase().startsWith('fe80:'));
  const all = new Set([
    coordinatorName,
    'localhost',
    '127.0.0.1',
    '::1',
    hostname(),
    ...addresses,
    ...extraNames,
  ]);
  return [...all].sort().map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }));
}
