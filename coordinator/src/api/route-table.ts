import type { Route } from './route.ts';
import { backupRoutes } from './routes/backup-routes.ts';
import { datasetRoutes } from './routes/dataset-routes.ts';
import { deviceRoutes } from './routes/device-routes.ts';
import { divergenceRoutes } from './routes/divergence-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { gcRoutes } from './routes/gc-routes.ts';
import { healthRoutes } from './routes/health-routes.ts';
import { importRoutes } from './routes/import-routes.ts';
import { modelRoutes } from './routes/model-routes.ts';
import { runRoutes } from './routes/run-routes.ts';
import { taskRoutes } from './routes/task-routes.ts';
import type { Services } from './services.ts';

/** Every operation of the operators' API. A new resource is one file in routes/ and one line here. */
export function createRouteTable(services: Services): Route[] {
  return [
    ...healthRoutes(services),
    ...deviceRoutes(services),
    ...modelRoutes(services),
    ...datasetRoutes(services),
    ...taskRoutes(services),
    ...runRoutes(services),
    ...divergenceRoutes(services),
    ...importRoutes(services),
    ...eventRoutes(services),
    ...gcRoutes(services),
    ...backupRoutes(services),
  ];
}
