import { errorTable } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import type { Route } from './route.ts';
import { errorBodySchema } from './send-error.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of a route table: schemas as JSON Schema 2020-12, generated from the same zod schemas that check requests. */
export function describeApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'qfleet operators’ API',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:7080' }],
    security: [{ operator: [] }],
    paths,
    components: {
      securitySchemes: { operator: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: toSchema(errorBodySchema, 'output') },
    },
  };
}

function describeRoute(route: Route): Json {
  return {
    operationId: route.operationId,
    summary: route.summary,
    tags: [route.tag],
    ...(route.isOpen ? { security: [] } : {}),
    parameters: [...describeParameters(route.params, 'path'), ...describeParameters(route.query, 'query')],
    ...(route.body ? { requestBody: { required: true, content: jsonContent(route.body, 'input') } } : {}),
    responses: { [route.status ?? 200]: describeSuccess(route), default: describeFailure() },
  };
}

function describeParameters(schema: z.ZodObject | undefined, place: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const whole = toSchema(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(whole.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (whole.required ?? []).includes(name),
    schema: property,
  }));
}

function describeSuccess(route: Route): Json {
  if (route.response instanceof z.ZodType) {
    return { description: route.summary, content: jsonContent(route.response, 'output') };
  }
  const content = route.response.contentTypes.map((type) => [type, { schema: { type: 'string' } }]);
  return { description: route.summary, content: Object.fromEntries(content) };
}

function describeFailure(): Json {
  const codes = Object.entries(errorTable).map(([code, { http }]) => `${http} ${code}`);
  return {
    description: `Refused or failed, by code: ${codes.join(', ')}.`,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  };
}

function jsonContent(schema: z.ZodType, io: 'input' | 'output'): Json {
  return { 'application/json': { schema: toSchema(schema, io) } };
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
