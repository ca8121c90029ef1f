import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkHealth } from '../main/check-health.ts';
import type { Coordinator } from '../main/start-coordinator.ts';
import { startTestCoordinator } from '../main/testing/start-test-coordinator.ts';
import type { OwnedStore } from '../store/open-store.ts';
import { createRouteTable } from './route-table.ts';

let coordinator: Coordinator;
before(async () => {
  coordinator = await startTestCoordinator();
});
after(() => coordinator[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Sends over a real socket; fetch would not let the Host header be set. */
async function send(
  method: string,
  path: string,
  options: { token?: string; host?: string; body?: string } = {},
): Promise<Answer> {
  const { token = coordinator.token, host = '127.0.0.1', body } = options;
  const headers = { host, ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const sent = request(new URL(path, coordinator.url), { method, headers: { ...headers, ...type } });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const text = Buffer.concat((await answer.toArray()) as Buffer[]).toString();
  return { status: answer.statusCode ?? 0, body: JSON.parse(text) as unknown };
}

const codeOf = ({ body }: Answer): string => (body as { error: { code: string } }).error.code;
const messageOf = ({ body }: Answer): string => (body as { error: { message: string } }).error.message;

test('without the token, or with another, nothing but health and the description is answered', async () => {
  for (const token of ['', 'x', `${coordinator.token}x`, coordinator.token.slice(0, -1)]) {
    const answer = await send('GET', '/v1/devices', { token });
    assert.deepEqual([answer.status, codeOf(answer)], [401, 'unauthenticated']);
  }
  assert.equal((await send('GET', '/v1/devices')).status, 200);
  assert.equal((await send('GET', '/v1/health', { token: '' })).status, 200);
  assert.equal((await send('GET', '/v1/openapi.json', { token: '' })).status, 200);
});

test('a page that points its own name at this machine is refused, even with the token', async () => {
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:7080']) {
    const answer = await send('GET', '/v1/health', { host });
    assert.deepEqual([answer.status, codeOf(answer)], [403, 'permission-denied']);
  }
  for (const host of ['localhost:7080', '127.0.0.1', '[::1]:7080', 'LAB.example']) {
    assert.equal((await send('GET', '/v1/health', { host })).status, 200);
  }
});

test('a second header of those that decide is refused, whichever comes first', async () => {
  const { port } = new URL(coordinator.url);
  const ask = async (headers: readonly string[]): Promise<string> => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.end(`GET /v1/devices HTTP/1.1\r\n${headers.join('\r\n')}\r\nConnection: close\r\n\r\n`);
    return Buffer.concat((await socket.toArray()) as Buffer[]).toString();
  };
  const bearer = `Authorization: Bearer ${coordinator.token}`;
  assert.match(await ask(['Host: 127.0.0.1', bearer]), /^HTTP\/1.1 200/);
  for (const headers of [
    ['Host: 127.0.0.1', 'Host: evil.example', bearer],
    ['Host: evil.example', 'Host: 127.0.0.1', bearer],
    ['Host: 127.0.0.1', 'host: 127.0.0.1', bearer],
    ['Host: 127.0.0.1', bearer, 'Authorization: Bearer other'],
  ]) {
    assert.match(await ask(headers), /^HTTP\/1\.1 400[\s\S]*twice/);
  }
});

test('health looks: a database that is gone and a port that is closed are said with 503', async () => {
  await using own = await startTestCoordinator();
  const ask = async (): Promise<{ status: number; body: { status: string; reasons: string[] } }> => {
    const answer = await fetch(new URL('/v1/health', own.url));
    return { status: answer.status, body: (await answer.json()) as { status: string; reasons: string[] } };
  };
  assert.deepEqual((await ask()).body, { status: 'ok', version: own.version, reasons: [] });
  const path = join(own.dataDir, 'qfleet.db');
  renameSync(path, `${path}.away`);
  const found = await ask();
  assert.deepEqual([found.status, found.body.status], [503, 'failing']);
  assert.match(found.body.reasons.join(), /removed or replaced/);
  renameSync(`${path}.away`, path);
  assert.equal((await ask()).status, 200);
  const parts = { store: own.services.store as OwnedStore, dataDir: own.dataDir };
  const closed = await checkHealth({ ...parts, fleet: { address: '127.0.0.1:1', port: 1 } });
  assert.match(closed.join(), /port does not answer/);
});

test('a wrong body is refused with every wrong field named', async () => {
  const answer = await send('POST', '/v1/datasets', { body: '{"path": 3, "name": "", "sed": 1}' });
  assert.deepEqual([answer.status, codeOf(answer)], [400, 'invalid-argument']);
  for (const field of ['path', 'name', 'sed']) assert.match(messageOf(answer), new RegExp(field));
  assert.equal((await send('POST', '/v1/datasets', { body: '{"path":' })).status, 400);
});

test('a path that is not absolute is refused: the coordinator does not know where the operator stands', async () => {
  const body = JSON.stringify({ path: 'data/x.npz', name: 'x' });
  const answer = await send('POST', '/v1/datasets', { body });
  assert.match(messageOf(answer), /absolute/);
});

test('what is not there is 404 with a code, be it a route, a model or a run', async () => {
  for (const path of [
    '/v1/nothing',
    '/v1/models/none',
    '/v1/runs/none',
    '/v1/tasks/none',
    '/v1/devices/none',
  ]) {
    const answer = await send('GET', path);
    assert.deepEqual([path, answer.status, codeOf(answer)], [path, 404, 'not-found']);
  }
});

test('odd paths, queries and bodies are refused as what they are, and the coordinator goes on', async () => {
  const odd: [method: string, path: string, status: number, body?: string][] = [
    ['GET', '/v1/runs/..%2f..%2fetc%2fpasswd', 404],
    ['GET', '/v1/models/%00', 404],
    ['GET', '/v1/runs/%27%20or%201%3D1--', 404],
    ['GET', '/v1/runs/%25', 404],
    ['GET', `/v1/runs/${'x'.repeat(3000)}`, 400],
    ['GET', '/v1/runs/%E0%A4%A', 400],
    ['GET', '/v1/events?after=-1', 400],
    ['GET', '/v1/runs/latest/report?format=exe', 400],
    ['POST', '/v1/gc', 400, '{"delete": "yes"}'],
    ['POST', '/v1/gc', 400, '{"delete":'],
    ['POST', '/v1/gc', 400, '[]'],
    ['POST', '/v1/runs', 400, '{"__proto__": {"model": "x"}}'],
    ['POST', '/v1/runs', 507, JSON.stringify({ model: 'x'.repeat(2_000_000) })],
  ];
  for (const [method, path, status, body] of odd) {
    const answer = await send(method, path, body === undefined ? {} : { body });
    assert.equal(answer.status, status, `${method} ${path.slice(0, 60)}: ${JSON.stringify(answer.body)}`);
    assert.notEqual(codeOf(answer), 'internal');
  }
  assert.equal((await send('GET', '/v1/health')).status, 200);
});

test('every route is served and described', async () => {
  const { body } = await send('GET', '/v1/openapi.json');
  const { paths } = body as { paths: Record<string, Record<string, { operationId: string }>> };
  const routes = createRouteTable(coordinator.services);
  const described = Object.values(paths).flatMap((methods) => Object.values(methods));
  assert.equal(described.length, routes.length);
  assert.equal(new Set(described.map(({ operationId }) => operationId)).size, routes.length);
  for (const { method, path, operationId, isOpen } of routes) {
    assert.equal(paths[path]?.[method.toLowerCase()]?.operationId, operationId);
    const answer = await send(method, path.replaceAll(/\{\w+\}/g, 'x'), { token: '' });
    assert.equal(answer.status, isOpen ? 200 : 401, `${method} ${path}`);
  }
});

test('the description is OpenAPI 3.1 with the path and query parameters of each operation', async () => {
  const { body } = await send('GET', '/v1/openapi.json');
  const document = body as {
    openapi: string;
    paths: Record<string, Record<string, { parameters: unknown[] }>>;
  };
  assert.match(document.openapi, /^3\.1\./);
  const parameters = document.paths['/v1/runs/{name}/report']?.['get']?.parameters as {
    name: string;
    in: string;
  }[];
  assert.deepEqual(
    parameters.map(({ name, in: place }) => [name, place]),
    [
      ['name', 'path'],
      ['format', 'query'],
    ],
  );
});
