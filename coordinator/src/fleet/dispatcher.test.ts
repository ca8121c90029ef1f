import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SessionResponse } from '@qfleet/shared/gen/qfleet/v1/SessionResponse.ts';
import { createLogger } from '@qfleet/shared/logger.ts';
import { GroupCommit } from '../store/group-commit.ts';
import { openStore } from '../store/open-store.ts';
import { SteadyClock } from '../store/steady-clock.ts';
import type { Store } from '../store/store.ts';
import { addExampleDevices, exampleResult, exampleRun } from '../store/store-fixtures.ts';
import { DeviceSession, type SessionCall } from './device-session.ts';
import { Dispatcher } from './dispatcher.ts';
import { EventBus } from './event-bus.ts';
import type { FleetContext } from './fleet-context.ts';
import { defaultFleetOptions } from './fleet-options.ts';
import { IdentityWatch } from './identity-watch.ts';
import { LastSeen } from './last-seen.ts';
import { OpenCalls } from './open-calls.ts';
import { OwnCertificateWatch } from './own-certificate-watch.ts';
import { SessionRegistry } from './session-registry.ts';
import { SettlingRuns } from './settling-runs.ts';

const deviceIds = Array.from({ length: 200 }, (_, index) => `d${index}`);

test('while 200 devices get their jobs the event loop turns, and a result has its own device looked at alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'qfleet-dispatch-'));
  const store = await openStore(folder);
  try {
    await addExampleDevices(store, Object.fromEntries(deviceIds.map((id) => [id, `boot of ${id}`])));
    await store.createRun(exampleRun('r', deviceIds, 2));
    const { calls, counted } = countCalls(store);
    const leases: { deviceId: string; turn: number; jobId: string }[] = [];
    using turns = countTurns();
    const context = createContext(counted);
    const whole = Promise.withResolvers<void>();
    for (const deviceId of deviceIds) {
      const session = connect(context, store, deviceId, (jobId) => {
        leases.push({ deviceId, jobId, turn: turns.count() });
        if (leases.length % deviceIds.length === 0) whole.resolve();
      });
      context.sessions.add(await session);
    }
    const dispatcher = new Dispatcher(context);
    using _stopped = { [Symbol.dispose]: () => dispatcher.stop() };
    const running = dispatcher.run();
    await whole.promise;
    const inOneTurn = Object.values(Object.groupBy(leases, ({ turn }) => turn)).map(
      (some) => some?.length ?? 0,
    );
    assert.ok(Math.max(...inOneTurn) <= 32, `${inOneTurn}`);
    assert.equal(new Set(leases.map(({ deviceId }) => deviceId)).size, deviceIds.length);

    const [first] = leases;
    assert.ok(first);
    await store.commitResult(exampleResult({ ...first, fence: 1 }));
    context.sessions.find(first.deviceId)?.settle({ jobId: first.jobId, fence: 1 });
    calls.length = 0;
    dispatcher.wakeDevice(first.deviceId);
    while (leases.length === deviceIds.length) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(leases.at(-1)?.deviceId, first.deviceId);
    assert.deepEqual(calls, ['leaseNextJobs(1)', 'appendEvents(1)']);
    dispatcher.stop();
    await running;
  } finally {
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});

function createContext(store: Store): FleetContext {
  const unused = undefined as never;
  return {
    store,
    blobs: unused,
    quota: unused,
    events: new EventBus(store),
    sessions: new SessionRegistry(),
    openCalls: new OpenCalls(),
    clock: new SteadyClock(),
    lastSeen: new LastSeen(),
    identities: new IdentityWatch(),
    settling: new SettlingRuns(),
    paces: unused,
    ownCertificate: new OwnCertificateWatch(
      Number.POSITIVE_INFINITY,
      createLogger({ name: 'test', level: 'fatal' }),
    ),
    progress: new GroupCommit(async () => []),
    options: { ...defaultFleetOptions, pollIntervalMs: 3_600_000 },
    logger: createLogger({ name: 'test', level: 'fatal' }),
    wakeHost: () => undefined,
  };
}

/** A session of an agent that only listens. */
async function connect(
  context: FleetContext,
  store: Store,
  deviceId: string,
  onLease: (jobId: string) => void,
): Promise<DeviceSession> {
  const device = await store.findDevice(deviceId);
  assert.ok(device);
  const write = ({ lease }: SessionResponse): void => onLease(lease?.job?.id ?? '');
  const session = new DeviceSession({
    device,
    bootId: device.bootId ?? '',
    call: { write, cancelled: false } as unknown as SessionCall,
    nowMs: context.clock.nowMs(),
    end: () => undefined,
  });
  session.isReady = true;
  return session;
}

/** The store, and what was asked of it, with the number of items in the first argument. */
function countCalls(store: Store): { readonly calls: string[]; readonly counted: Store } {
  const calls: string[] = [];
  const counted = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls.push(`${String(name)}(${Array.isArray(args[0]) ? args[0].length : ''})`);
        return (value as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { calls, counted };
}

/** How often the event loop has turned. */
function countTurns(): Disposable & { count(): number } {
  let turns = 0;
  let immediate = setImmediate(next);
  function next(): void {
    turns++;
    immediate = setImmediate(next);
  }
  return { count: () => turns, [Symbol.dispose]: () => clearImmediate(immediate) };
}
