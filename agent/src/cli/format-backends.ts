import type { BackendInfo__Output } from '@qfleet/shared/gen/qfleet/v1/BackendInfo.ts';

/** What can execute variants here, and what each says of itself. */
export function formatBackends(backends: readonly BackendInfo__Output[]): string {
  const lines = backends.flatMap(({ id, available, version, reason, capabilities }) => [
    `  ${id.padEnd(22)} ${available ? version : `unavailable: ${reason}`}`,
    ...Object.entries(capabilities).map(([key, value]) => `    ${key.padEnd(24)} ${value}`),
  ]);
  return ['Backends', ...lines].join('\n');
}
