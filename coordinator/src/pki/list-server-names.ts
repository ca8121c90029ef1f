import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

export interface ServerName {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/** The names and addresses that agents may reach this host by, sorted: loopback, host name, every address, and the extras. */
export function listServerNames(extraNames: readonly string[]): ServerName[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map((entry) => entry.address)
    // A link-local address is meaningless without its interface, which a certificate cannot name.
    .filter((address) => !address.toLowerCase().startsWith('fe80:'));
  const all = new Set(['localhost', '127.0.0.1', '::1', hostname(), ...addresses, ...extraNames]);
  return [...all].sort().map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }));
}
