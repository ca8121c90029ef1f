import { QfleetError } from '@qfleet/shared/errors.ts';
import { infoSchema } from '../../api/routes/health-routes.ts';
import { connectToCoordinator } from '../api-client.ts';
import type { Check } from './check.ts';

/** Whether a coordinator owns the data folder and answers. */
export const checkCoordinator: Check = async ({ dataDir, context }) => {
  const what = 'coordinator';
  try {
    const client = await connectToCoordinator(context, { data: dataDir });
    const info = await client.get('/v1/info', infoSchema);
    const detail = `${client.url}, pid ${info.pid}, ${info.connectedDevices} devices connected`;
    return { what, state: 'ok', detail };
  } catch (thrown) {
    const { message } = QfleetError.from(thrown);
    return { what, state: 'warning', detail: message, fix: 'Start one: ./qfleet up' };
  }
};
