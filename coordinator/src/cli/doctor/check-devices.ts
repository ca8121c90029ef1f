import * as z from 'zod';
import { deviceViewSchema } from '../../api/views/device-view.ts';
import { describeCertificateEnd, renewalHint } from '../../pki/certificate-end.ts';
import { connectToCoordinator } from '../api-client.ts';
import type { Check } from './check.ts';

/** Until when the certificates of the devices hold, and whether an identity was copied. */
export const checkDevices: Check = async ({ dataDir, context }) => {
  const what = 'devices';
  try {
    const client = await connectToCoordinator(context, { data: dataDir });
    const { devices } = await client.get('/v1/devices', z.object({ devices: z.array(deviceViewSchema) }));
    const problems = devices.flatMap(({ name, state, certificateEndsAtMs, rival }) => {
      if (state === 'revoked') return [];
      const end = describeCertificateEnd(certificateEndsAtMs, Date.now());
      return [
        ...(end === undefined ? [] : [{ detail: `${name}: ${end}`, fix: renewalHint(name) }]),
        ...(rival
          ? [
              {
                detail: `${name}: identity used by two hosts (${rival.hostnames.join(', ')})`,
                fix: `Give one of them its own: ./qfleet device add NAME --out DIR, then ./qfleet device resolve ${name}`,
              },
            ]
          : []),
      ];
    });
    const [first] = problems;
    if (!first)
      return { what, state: 'ok', detail: `${devices.length}, certificates hold for 30 days or more` };
    const detail = problems.map((problem) => problem.detail).join('; ');
    return { what, state: 'warning', detail, fix: first.fix };
  } catch {
    return { what, state: 'ok', detail: 'not looked at: the coordinator does not answer' };
  }
};
