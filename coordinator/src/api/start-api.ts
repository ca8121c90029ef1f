import type { AddressInfo } from 'node:net';
import { QfleetError } from '@qfleet/shared/errors.ts';
import type { Logger } from '@qfleet/shared/logger.ts';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { checkHost, refuseRepeatedHeaders } from './check-host.ts';
import { checkToken } from './check-token.ts';
import { describeApi } from './openapi.ts';
import { parseInput } from './parse-input.ts';
import type { Route } from './route.ts';
import { createRouteTable } from './route-table.ts';
import { sendError } from './send-error.ts';
import type { Services } from './services.ts';

export interface ApiOptions {
  readonly services: Services;
  /** The operator's secret; whoever has it may do everything. */
  readonly token: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Host headers that are welcome beside those of loopback, without port. */
  readonly allowedHosts: readonly string[];
  readonly logger: Logger;
}

export interface Api extends AsyncDisposable {
  readonly url: string;
}

/** Largest JSON body, bytes: plans and input contracts are small; models and datasets come by path. */
const bodyLimitBytes = 1024 * 1024;

/**
 * Serves the operators' HTTP API. Every request must name a known host and, but for the open routes, carry the token;
 * bodies are checked by their schemas; refusals are `{error: {code, message, hint}}`. Port 0 takes any free port.
 * Throws `configuration` where the port is taken.
 */
export async function startApi(options: ApiOptions): Promise<Api> {
  const app = fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    forceCloseConnections: true,
    // What the router itself refuses, before any route: an odd path.
    frameworkErrors: sendError,
  });
  const routes = createRouteTable(options.services);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request) => {
    throw new QfleetError('not-found', `There is no ${request.method} ${request.url.split('?')[0]}.`, {
      hint: 'GET /v1/openapi.json lists the operations.',
    });
  });
  const allowedHosts = options.allowedHosts.map((host) => host.toLowerCase());
  app.addHook('onRequest', async (request) => {
    refuseRepeatedHeaders(request.raw.rawHeaders);
    checkHost(request.headers.host, allowedHosts);
  });
  for (const route of routes) register(app, route, options.token);
  const document = describeApi(routes, options.services.version);
  app.get('/v1/openapi.json', async () => document);
  await app.listen(options.listen);
  const { address, port, family } = app.server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  return { url: `http://${host}:${port}`, [Symbol.asyncDispose]: () => app.close() };
}

function register(app: FastifyInstance, route: Route, token: string): void {
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    onRequest: async (request) => {
      if (!route.isOpen) checkToken(request.headers.authorization, token);
    },
    handler: async (request, reply) => {
      const params = parseInput(route.params, request.params, 'path');
      const query = parseInput(route.query, request.query, 'query');
      const body = parseInput(route.body, request.body, 'body');
      void reply.status(route.status ?? 200);
      const answer = await route.handle({ params, query, body, request, reply });
      return reply.sent ? reply : answer;
    },
  });
}
