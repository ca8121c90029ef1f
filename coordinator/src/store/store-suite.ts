import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createRandom, shuffle } from '@qfleet/shared/random.ts';
import { planSchema } from '../plan/plan.ts';
import type { LeasedJob, Store } from './store.ts';
import {
  addExampleDevices,
  createStandingClock,
  exampleDataset,
  exampleHello,
  exampleModel,
  exampleResult,
  exampleRun,
  exampleSpec,
  exampleVariant,
  fakeDigest,
  type StandingClock,
} from './store-fixtures.ts';

const leaseMs = 90_000;

/** What every implementation of the store has to keep; `open` gives an empty one that runs on the given clock. */
export function testStore(name: string, open: (clock: StandingClock) => Promise<Store>): void {
  const on = (what: string, check: (store: Store, clock: StandingClock) => Promise<void>) =>
    test(what, async () => {
      const clock = createStandingClock();
      await using store = await open(clock);
      await check(store, clock);
    });

  suite(`${name}: devices`, () => {
    on('a device is found by its id and by its name', async (store) => {
      await addExampleDevices(store, { d1: 'boot' });
      const device = await store.findDevice('d1');
      assert.equal(device?.state, 'approved');
      assert.equal(device?.bootId, 'boot');
      assert.equal(device?.clockOffsetMs, 12);
      assert.equal(device?.backends[0]?.id, 'onnxruntime-cpu');
      assert.equal(device?.inventory?.cpu.processors, 4);
      assert.equal(await store.findDevice('nobody'), undefined);
    });

    on('a name and a key belong to one device', async (store) => {
      await store.addDevice({ id: 'd1', name: 'pi', publicKey: 'k1' });
      await assert.rejects(store.addDevice({ id: 'd2', name: 'pi', publicKey: 'k2' }), {
        code: 'already-exists',
      });
      await assert.rejects(store.addDevice({ id: 'd2', name: 'nano', publicKey: 'k1' }), {
        code: 'already-exists',
      });
    });

    on('a removed device frees its name, keeps its id for old runs, and may not act', async (store) => {
      await addExampleDevices(store, { d1: 'boot' });
      await store.removeDevice('d1');
      assert.deepEqual(await store.listDevices(), []);
      assert.equal((await store.findDevice('d1'))?.state, 'revoked');
      assert.deepEqual([...(await store.listRevokedDeviceIds())], ['d1']);
      await store.addDevice({ id: 'd2', name: 'd1', publicKey: 'another' });
      await assert.rejects(store.removeDevice('d1'), { code: 'not-found' });
    });

    on('what a revoked device had to do fails, and its run ends', async (store) => {
      await addExampleDevices(store, { d1: 'b1', d2: 'b2' });
      await store.createRun(exampleRun('r', ['d1', 'd2'], 1));
      const other = await lease(store, 'd2');
      await store.commitResult(exampleResult(attemptOf(other)));
      await store.setDeviceState('d1', 'revoked');
      const run = await store.finishRunIfDone('r');
      assert.equal(run?.state, 'completed-with-failures');
      assert.match(run?.reason ?? '', /device-revoked: 1/);
      await assert.rejects(store.createRun(exampleRun('r2', ['d1'], 1)), { code: 'failed-precondition' });
    });
  });

  suite(`${name}: identities`, () => {
    on(
      'what a device cannot come for any more has failed, and another device’s has not',
      async (store, clock) => {
        await addExampleDevices(store, { d1: 'b1', d2: 'b2', d3: undefined });
        const endsAtMs = (await store.findDevice('d1'))!.createdAtMs + 1000;
        await store.recordHello('d1', { ...exampleHello('b1'), certificateEndsAtMs: endsAtMs });
        await store.recordHello('d2', { ...exampleHello('b2'), certificateEndsAtMs: endsAtMs + 1 });
        await store.createRun(exampleRun('r', ['d1', 'd2', 'd3'], 1));
        await lease(store, 'd1');
        clock.advance(999);
        assert.deepEqual(await store.failExpiredDevices(), []);
        clock.advance(1);
        assert.deepEqual(
          (await store.failExpiredDevices()).map(({ name, certificateEndsAtMs }) => [
            name,
            certificateEndsAtMs,
          ]),
          [['d1', endsAtMs]],
        );
        assert.deepEqual(await store.failExpiredDevices(), []);
        assert.deepEqual(await states(store, 'r'), ['failed', 'queued', 'queued']);
      },
    );

    on('two users of an identity are noted until that is resolved', async (store) => {
      await store.addDevice({ id: 'd1', name: 'pi', publicKey: 'k1', certificateEndsAtMs: 5000 });
      const rival = { hostnames: ['pi', 'copy'], sinceMs: 1, lastMs: 2 };
      await store.recordRival('d1', rival);
      const device = await store.findDevice('pi');
      assert.deepEqual([device?.rival, device?.certificateEndsAtMs], [rival, 5000]);
      await store.recordRival('d1', undefined);
      assert.equal((await store.findDevice('pi'))?.rival, undefined);
    });
  });

  suite(`${name}: artefacts`, () => {
    on('a model is found by name, digest and unambiguous prefix', async (store) => {
      const model = exampleModel('mnist');
      await store.addModel(model);
      for (const key of ['mnist', model.digest, model.digest.slice(0, 6)]) {
        assert.deepEqual(await store.findModel(key), model);
      }
      assert.equal(await store.findModel(model.digest.slice(0, 5)), undefined);
    });

    on('an ambiguous digest prefix is refused', async (store) => {
      const model = exampleModel('a');
      await store.addModel(model);
      await store.addModel({ ...model, name: 'b', digest: `${model.digest.slice(0, 10)}${'0'.repeat(54)}` });
      await assert.rejects(store.findModel(model.digest.slice(0, 8)), { code: 'invalid-argument' });
    });

    on('the same model again is a no-op, another one under its name is refused', async (store) => {
      const model = exampleModel('mnist');
      await store.addModel(model);
      assert.deepEqual(await store.addModel({ ...model, createdAtMs: 99 }), model);
      await assert.rejects(store.addModel(exampleModel('mnist', 'other content')), {
        code: 'already-exists',
      });
      const contract = { ...model.contract, scale: 2 };
      await assert.rejects(store.addModel({ ...model, contract }), { code: 'already-exists' });
    });

    on('a variant replaces its own record but not another of its name', async (store) => {
      const model = await store.addModel(exampleModel('mnist'));
      await store.addVariant(exampleVariant(model, 'int8'));
      await store.addVariant({ ...exampleVariant(model, 'int8'), sizeBytes: 7 });
      assert.deepEqual(
        (await store.listVariants(model.digest)).map((variant) => variant.sizeBytes),
        [7],
      );
      await assert.rejects(store.addVariant(exampleVariant(model, 'int8', 'other')), {
        code: 'already-exists',
      });
      const orphan = exampleVariant(exampleModel('unknown'), 'fp32');
      await assert.rejects(store.addVariant(orphan), { code: 'not-found' });
    });
  });

  suite(`${name}: runs`, () => {
    on('a step of a search for a divergence is never the latest run, whatever a name says', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      assert.equal(await store.findRun('latest'), undefined);
      const of = (id: string, plan: object) => {
        const run = exampleRun(id, ['d1'], 1);
        return { ...run, record: { ...run.record, plan: planSchema.parse({ model: 'm', ...plan }) } };
      };
      await store.createRun(of('run_1', { name: 'of "purpose":"divergence"' }));
      await store.createRun(of('run_2', { purpose: 'divergence' }));
      assert.equal((await store.findRun('latest'))?.id, 'run_1');
      assert.equal((await store.findRun('run_2'))?.id, 'run_2');
    });

    on('a run is found by id, name, prefix and as the latest', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('run_aa1', ['d1'], 1));
      await store.createRun(exampleRun('run_ab2', ['d1'], 1));
      assert.equal((await store.findRun('run_aa1'))?.id, 'run_aa1');
      assert.equal((await store.findRun('name of run_ab2'))?.id, 'run_ab2');
      assert.equal((await store.findRun('run_aa'))?.id, 'run_aa1');
      assert.equal((await store.findRun('latest'))?.id, 'run_ab2');
      assert.equal(await store.findRun('runXaa'), undefined);
      await assert.rejects(store.findRun('run_a'), { code: 'invalid-argument' });
      assert.deepEqual(
        (await store.listRuns()).map((run) => run.id),
        ['run_ab2', 'run_aa1'],
      );
      await assert.rejects(store.createRun(exampleRun('run_aa1', ['d1'], 1)), { code: 'already-exists' });
    });

    on('a run ends when its jobs have, with a reason', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 2));
      await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1'))));
      assert.equal(await store.finishRunIfDone('r'), undefined);
      const failure = { class: 'bad-model', message: 'no such operator' };
      await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1')), { failure }));
      const [run] = await store.finishDoneRuns();
      assert.equal(run?.state, 'completed-with-failures');
      assert.equal(run?.reason, '1 of 2 jobs did not complete (bad-model: 1).');
      assert.deepEqual(await store.finishDoneRuns(), []);
    });

    on('a run whose job lacks a variant ends with failures, and its job is completed', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const shortfall = { class: 'crashed', message: 'int8 gave no timing' };
      await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1')), { shortfall }));
      const run = await store.finishRunIfDone('r');
      assert.equal(run?.state, 'completed-with-failures');
      assert.equal(run?.reason, '1 of 1 job completed without some of what was asked (crashed: 1).');
      const [job] = await store.listJobs('r');
      assert.equal(job?.state, 'completed');
      assert.deepEqual(job?.failure, shortfall);
    });

    on('cancelling tells the agent at work and leaves the rest undone', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 2));
      const job = await lease(store, 'd1');
      await store.cancelRun('r', 'changed my mind');
      assert.equal((await store.findRun('r'))?.state, 'cancelled');
      assert.equal(await store.extendLease({ ...attemptOf(job), leaseMs }), 'cancelled');
      assert.equal(await store.leaseNextJob('d1', leaseMs), undefined);
      assert.equal(await store.commitResult(exampleResult(attemptOf(job))), 'superseded');
      assert.deepEqual(await states(store, 'r'), ['cancelled', 'cancelled']);
      await store.cancelRun('r', 'again');
    });

    on('a host stays reserved while its device stops a cancelled job', async (store, clock) => {
      await addExampleDevices(store, { d1: 'host', d2: 'host' });
      await store.createRun(exampleRun('r1', ['d1'], 1));
      await store.createRun(exampleRun('r2', ['d2'], 1));
      await lease(store, 'd1');
      await store.cancelRun('r1', '');
      assert.equal(await store.leaseNextJob('d2', leaseMs), undefined);
      clock.advance(20_000);
      await lease(store, 'd2');
    });
  });

  suite(`${name}: leases`, () => {
    on('jobs are leased in order, one at a time, each with a new fence', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 2));
      const first = await lease(store, 'd1');
      assert.deepEqual([first.id, first.fence, first.attempts], ['r-d1-0', 1, 1]);
      assert.equal(await store.leaseNextJob('d1', leaseMs), undefined);
      await store.commitResult(exampleResult(attemptOf(first)));
      assert.equal((await lease(store, 'd1')).id, 'r-d1-1');
    });

    on('of many who claim at once one gets the job', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const claims = await Promise.all(Array.from({ length: 20 }, () => store.leaseNextJob('d1', leaseMs)));
      assert.equal(claims.filter((job) => job !== undefined).length, 1);
    });

    on('two devices of one boot never hold a lease at once', async (store) => {
      await addExampleDevices(store, { d1: 'host', d2: 'host', d3: 'another' });
      await store.createRun(exampleRun('r', ['d1', 'd2', 'd3'], 1));
      const claims = await Promise.all(['d1', 'd2', 'd3'].map((id) => store.leaseNextJob(id, leaseMs)));
      assert.equal(claims.slice(0, 2).filter((job) => job !== undefined).length, 1);
      assert.equal(claims[2]?.deviceId, 'd3');
    });

    on('devices whose boot is unknown do not stand in each other’s way', async (store) => {
      await addExampleDevices(store, { d1: undefined, d2: undefined });
      await store.createRun(exampleRun('r', ['d1', 'd2'], 1));
      await lease(store, 'd1');
      await lease(store, 'd2');
    });

    on('a lease that ran out is taken again with a higher fence', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const first = await lease(store, 'd1');
      clock.advance(leaseMs + 1);
      const second = await lease(store, 'd1');
      assert.deepEqual([second.id, second.fence, second.attempts], [first.id, 2, 2]);
      assert.equal(await store.extendLease({ ...attemptOf(first), leaseMs }), 'lost');
      assert.equal(await store.extendLease({ ...attemptOf(second), leaseMs }), 'held');
    });

    on('a lease that is extended does not run out', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      for (let beat = 0; beat < 5; beat++) {
        clock.advance(leaseMs - 1);
        assert.equal(await store.extendLease({ ...attemptOf(job), leaseMs }), 'held');
      }
      assert.deepEqual(await store.expireLeases(2), []);
    });

    on('an agent that comes back takes up a job that was put back meanwhile', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      clock.advance(leaseMs + 1);
      assert.deepEqual(
        (await store.expireLeases(2)).map((ended) => ended.state),
        ['queued'],
      );
      assert.equal(await store.extendLease({ ...attemptOf(job), leaseMs }), 'held');
      assert.equal((await store.findJob(job.id))?.fence, 1);
      clock.advance(leaseMs + 1);
      assert.equal((await store.expireLeases(2))[0]?.state, 'queued', 'coming back is no loss');
    });

    on('a step of the wall clock moves no lease, no pause and no stop', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b1', d2: 'b2', d3: 'b3' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      clock.step(3_600_000);
      assert.deepEqual(await store.expireLeases(2), []);
      assert.equal(await store.leaseNextJob('d1', leaseMs), undefined);
      assert.equal((await store.blobsOfLeases('d1')).size, 1);
      clock.step(-7_200_000);
      clock.advance(leaseMs + 1);
      assert.equal((await store.expireLeases(2)).length, 1);
      await store.createRun(exampleRun('r2', ['d2'], 1));
      const failure = { class: 'timeout', message: 'took too long' };
      const again = { failure, onFailure: { retryAfterMs: 5000 } };
      await store.commitResult(exampleResult(attemptOf(await lease(store, 'd2')), again));
      clock.step(3_600_000);
      assert.equal(await store.leaseNextJob('d2', leaseMs), undefined);
      clock.step(-7_200_000);
      clock.advance(5000);
      await lease(store, 'd2');
      assert.equal(await store.extendLease({ ...attemptOf(job), leaseMs }), 'held');
    });

    on('the owner of a store gives what the last one left its time anew', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b1', d2: 'b2', d3: 'host', d4: 'host' });
      await store.createRun(exampleRun('r', ['d1', 'd2', 'd4'], 1));
      await store.createRun(exampleRun('ended', ['d3'], 1));
      await lease(store, 'd1');
      const failure = { class: 'timeout', message: 'took too long' };
      const again = { failure, onFailure: { retryAfterMs: 5000 } };
      await store.commitResult(exampleResult(attemptOf(await lease(store, 'd2')), again));
      await lease(store, 'd3');
      await store.cancelRun('ended', '');
      // Another process: its clock began an hour earlier than the one by which these times were given.
      clock.advance(-3_600_000);
      await store.renewLeases(leaseMs);
      clock.advance(leaseMs);
      assert.deepEqual(await store.expireLeases(2), []);
      clock.advance(1);
      assert.equal((await store.expireLeases(2)).length, 1);
      await lease(store, 'd2');
      await lease(store, 'd4');
      // And one whose clock began an hour later.
      clock.advance(3_600_000);
      await store.renewLeases(leaseMs);
      assert.deepEqual(await store.expireLeases(2), []);
    });

    on(
      'several devices are leased jobs at once, and those that hold some are asked at once',
      async (store) => {
        await addExampleDevices(store, { d1: 'b1', d2: 'host', d3: 'host', d4: 'b4' });
        await store.createRun(exampleRun('r', ['d1', 'd2', 'd3'], 1));
        const jobs = await store.leaseNextJobs(['d1', 'd2', 'd3', 'd4'], leaseMs);
        assert.deepEqual(
          jobs.map(({ deviceId }) => deviceId),
          ['d1', 'd2'],
        );
        await store.cancelRun('r', '');
        const holds = [{ jobId: 'none', fence: 1, deviceId: 'd1' }, ...jobs.map(attemptOf)];
        assert.deepEqual(await store.extendLeases(holds, leaseMs), ['lost', 'cancelled', 'cancelled']);
      },
    );

    on('an attempt that has failed is not taken up again', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      const failure = { class: 'oom', message: 'killed' };
      await store.commitResult(exampleResult(attemptOf(job), { failure, onFailure: { retryAfterMs: 5000 } }));
      assert.equal(await store.extendLease({ ...attemptOf(job), leaseMs }), 'lost');
    });

    on('a job that loses its agent twice in a row has failed', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const begin = async (): Promise<void> => {
        const { id: jobId, fence } = await lease(store, 'd1');
        await store.recordProgress([{ jobId, fence, step: 'starting', fraction: 0 }]);
      };
      await begin();
      clock.advance(leaseMs + 1);
      assert.equal((await store.expireLeases(2))[0]?.state, 'queued');
      await begin();
      const [ended] = await store.abandonLeases({ deviceId: 'd1', held: [], maxCrashes: 2 });
      assert.equal(ended?.state, 'failed');
      assert.equal(ended?.failure?.class, 'crashed-agent');
    });

    on('a lease of which the agent says nothing is no crash of it, but not for ever', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const states: (string | undefined)[] = [];
      const device = { deviceId: 'd1', held: [], maxCrashes: 2 };
      while (states.at(-1) !== 'failed') {
        await lease(store, 'd1');
        states.push((await store.abandonLeases(device))[0]?.state);
      }
      assert.equal(states.length, 10);
      assert.equal((await store.listJobs('r'))[0]?.failure?.class, 'unreachable');
    });

    on('a device that says what it holds keeps that and loses the rest', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      const hold = { jobId: job.id, fence: job.fence };
      assert.deepEqual(await store.abandonLeases({ deviceId: 'd1', held: [hold], maxCrashes: 2 }), []);
      assert.deepEqual(await store.listLeases(), [{ ...hold, deviceId: 'd1' }]);
      const stale = { ...hold, fence: 0 };
      const ended = await store.abandonLeases({ deviceId: 'd1', held: [stale], maxCrashes: 2 });
      assert.equal(ended.length, 1);
      assert.deepEqual([...(await store.listDueDeviceIds())], ['d1']);
    });

    on('a job is not leased before its time, nor to a revoked device', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      const failure = { class: 'timeout', message: 'took too long' };
      await store.commitResult(exampleResult(attemptOf(job), { failure, onFailure: { retryAfterMs: 5000 } }));
      assert.equal(await store.leaseNextJob('d1', leaseMs), undefined);
      assert.equal((await store.listDueDeviceIds()).size, 0);
      clock.advance(5000);
      assert.equal((await lease(store, 'd1')).attempts, 2);
      await store.setDeviceState('d1', 'revoked');
      assert.equal(await store.leaseNextJob('d1', leaseMs), undefined);
    });

    on('progress is noted for the newest fence alone', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      await store.recordProgress([{ jobId: job.id, fence: 0, step: 'old', fraction: 0.9 }]);
      await store.recordProgress([{ jobId: job.id, fence: 1, step: 'warming up', fraction: 0.25 }]);
      assert.deepEqual((await store.findJob(job.id))?.progress, { step: 'warming up', fraction: 0.25 });
    });

    on('a device may read the blobs of its live leases alone', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b1', d2: 'b2' });
      await store.createRun(exampleRun('r', ['d1', 'd2'], 1, exampleSpec(fakeDigest('mine'))));
      await lease(store, 'd1');
      assert.deepEqual([...(await store.blobsOfLeases('d1'))], [fakeDigest('mine')]);
      assert.equal((await store.blobsOfLeases('d2')).size, 0);
      clock.advance(leaseMs + 1);
      assert.equal((await store.blobsOfLeases('d1')).size, 0);
    });
  });

  suite(`${name}: results`, () => {
    on('a result is stored verbatim, once', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const result = exampleResult(attemptOf(await lease(store, 'd1')));
      assert.equal(await store.commitResult(result), 'committed');
      assert.equal(await store.commitResult(result), 'already-stored');
      const [stored] = await store.listResults('r');
      assert.deepEqual(Buffer.from(stored!.bytes), result.bytes);
      assert.deepEqual(Buffer.from(stored!.signature), result.signature);
      assert.equal(stored?.state, 'committed');
    });

    on('a late result counts while nobody else has committed, then not', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const first = await lease(store, 'd1');
      clock.advance(leaseMs + 1);
      const second = await lease(store, 'd1');
      assert.equal(await store.commitResult(exampleResult(attemptOf(first))), 'committed');
      assert.equal(await store.extendLease({ ...attemptOf(second), leaseMs }), 'lost');
      assert.equal(await store.commitResult(exampleResult(attemptOf(second))), 'superseded');
      assert.deepEqual((await store.listResults('r')).map((result) => result.state).sort(), [
        'committed',
        'superseded',
      ]);
    });

    on('a result that comes after its run had failed opens the run again', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const job = await lease(store, 'd1');
      await store.recordProgress([{ jobId: job.id, fence: job.fence, step: 'starting', fraction: 0 }]);
      clock.advance(leaseMs + 1);
      await store.expireLeases(1);
      assert.equal((await store.finishRunIfDone('r'))?.state, 'failed');
      assert.equal(await store.commitResult(exampleResult(attemptOf(job))), 'committed');
      assert.equal((await store.finishRunIfDone('r'))?.state, 'completed');
    });

    on('an old failure does not disturb the attempt that followed', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const first = await lease(store, 'd1');
      clock.advance(leaseMs + 1);
      const second = await lease(store, 'd1');
      const failure = { class: 'oom', message: '' };
      assert.equal(await store.commitResult(exampleResult(attemptOf(first), { failure })), 'superseded');
      assert.equal((await store.findJob(second.id))?.state, 'leased');
    });

    on('a job of another device, an unknown job and a fence never given are refused', async (store) => {
      await addExampleDevices(store, { d1: 'b1', d2: 'b2' });
      await store.createRun(exampleRun('r', ['d1'], 1));
      const attempt = attemptOf(await lease(store, 'd1'));
      for (const wrong of [{ deviceId: 'd2' }, { jobId: 'none' }, { fence: 2 }, { fence: 0 }]) {
        assert.equal(await store.commitResult(exampleResult({ ...attempt, ...wrong })), 'unknown-job');
      }
      assert.deepEqual(await store.listResults('r'), []);
    });

    on(
      'in whatever order attempts, repeats and late results come, one is committed',
      async (store, clock) => {
        await addExampleDevices(store, { d1: 'b' });
        for (let seed = 1; seed <= 10; seed++) {
          const random = createRandom(seed);
          await store.createRun(exampleRun(`r${seed}`, ['d1'], 1));
          const attempts: LeasedJob[] = [];
          for (let i = 0; i < 3; i++) {
            attempts.push(await lease(store, 'd1'));
            clock.advance(leaseMs + 1);
          }
          const results = attempts.flatMap((job) =>
            ['a', 'b'].map((words) => exampleResult(attemptOf(job), { words })),
          );
          const offered = shuffle([...results, ...results], random);
          const answers = await Promise.all(offered.map((result) => store.commitResult(result)));
          assert.equal(answers.filter((answer) => answer === 'committed').length, 1, `seed ${seed}`);
          const stored = await store.listResults(`r${seed}`);
          assert.equal(stored.length, results.length);
          assert.equal(stored.filter((result) => result.state === 'committed').length, 1);
        }
      },
    );

    on('the latest probe of a device is its newest committed one', async (store, clock) => {
      await addExampleDevices(store, { d1: 'b' });
      const probe = { spec: 'probe' as const, probe: { maxMemoryBytes: 0 } };
      for (const id of ['r1', 'r2']) {
        await store.createRun(exampleRun(id, ['d1'], 1, probe));
        await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1'))));
        clock.advance(1);
      }
      const latest = await store.latestProbes(['d1', 'd2']);
      assert.deepEqual(
        latest.map(({ deviceId, runId }) => [deviceId, runId]),
        [['d1', 'r2']],
      );
      const [first] = await store.listResults('r1');
      const earlier = await store.latestProbes(['d1'], first?.receivedAtMs);
      assert.deepEqual(
        earlier.map(({ runId }) => runId),
        ['r1'],
      );
    });

    on('a model goes with its float form, and not while variants or runs refer to it', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      const model = await store.addModel(exampleModel('m'));
      await store.addVariant(exampleVariant(model, 'fp32'));
      const what = { kind: 'model', digest: model.digest, name: 'm' } as const;
      const removed = await store.removeArtefact(what, false);
      assert.deepEqual(removed.along, ['1 variant (fp32)']);
      assert.ok(removed.digests.includes(model.digest));
      assert.equal(await store.findModel('m'), undefined);

      await store.addModel(model);
      const variant = await store.addVariant(exampleVariant(model, 'int8'));
      const run = exampleRun('r', ['d1'], 1, exampleSpec(variant.digest));
      await store.createRun(run);
      await assert.rejects(store.removeArtefact(what, true), /the run r is running/);
      await store.cancelRun('r', 'enough');
      await assert.rejects(
        store.removeArtefact(what, false),
        /The model m is in use: 1 variant \(int8\); 1 run \(r\)/,
      );
      const one = {
        kind: 'variant',
        digest: variant.digest,
        name: 'int8',
        modelDigest: model.digest,
      } as const;
      await assert.rejects(store.removeArtefact(one, false), /The variant int8 is in use: 1 run \(r\)/);
      await store.addTask({ id: 't', kind: 'quantize', params: { model: 'm' } });
      await assert.rejects(store.removeArtefact(what, true), /the task t works with it/);
      await store.updateTask('t', { state: 'cancelled' });
      const forced = await store.removeArtefact(what, true);
      assert.deepEqual(forced.along, ['1 variant (int8)', '1 run (r)']);
      assert.deepEqual([await store.listRuns(), await store.listModels()], [[], []]);
    });

    on(
      'a run goes with its results, and not while a device is stopping or others read its probe',
      async (store, clock) => {
        await addExampleDevices(store, { d1: 'b' });
        const probe = { spec: 'probe' as const, probe: { maxMemoryBytes: 0 } };
        await store.createRun(exampleRun('first', ['d1'], 1, probe));
        await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1'))));
        await store.finishRunIfDone('first');
        await store.createRun(exampleRun('second', ['d1'], 1));
        const attempt = attemptOf(await lease(store, 'd1'));
        await store.cancelRun('second', 'enough');
        const second = { kind: 'run', id: 'second', name: '' } as const;
        await assert.rejects(store.removeArtefact(second, true), /still stopping its job of the run second/);
        await store.commitResult(exampleResult(attempt, { blobs: [fakeDigest('samples')] }));
        clock.advance(1);
        const first = { kind: 'run', id: 'first', name: '' } as const;
        await assert.rejects(store.removeArtefact(first, false), /1 run \(second\) read a device’s probe/);
        await store.removeArtefact(second, false);
        assert.ok(!(await store.referencedBlobs()).has(fakeDigest('samples')));
        await store.removeArtefact(first, false);
        assert.deepEqual([await store.listRuns(), await store.latestProbes(['d1'])], [[], []]);
        const late = exampleResult(attempt, { words: 'late' });
        assert.equal(await store.commitResult(late), 'unknown-job');
      },
    );

    on(
      'a derived dataset is needed by running runs and by those that have answers on it alone',
      async (store) => {
        await addExampleDevices(store, { d1: 'b' });
        const source = await store.addDataset(exampleDataset('source'));
        const derived = await store.addDataset({
          ...exampleDataset('source@small'),
          derivedFrom: { digest: source.digest, how: 'smaller' },
        });
        const names = async (): Promise<string[]> =>
          (await store.listUnusedDerivedDatasets()).map(({ name }) => name);
        assert.deepEqual(await names(), [derived.name]);
        const shard = fakeDigest('a shard of it');
        const base = exampleRun('r', ['d1'], 1, exampleSpec(shard));
        const run = { ...base, record: { ...base.record, datasetDigest: derived.digest } };
        await store.createRun(run);
        assert.deepEqual(await names(), []);
        await store.cancelRun('r', 'enough');
        assert.deepEqual(await names(), [derived.name]);
        assert.ok((await store.referencedBlobs()).has(shard));
        assert.ok(!(await store.referencedBlobs(new Set([derived.digest]))).has(shard));
        await store.createRun({
          ...run,
          id: 'r2',
          jobs: run.jobs.map((job) => ({ ...job, id: `${job.id}-2` })),
        });
        await store.commitResult(exampleResult(attemptOf(await lease(store, 'd1'))));
        await store.finishRunIfDone('r2');
        assert.deepEqual(await names(), [], 'its report counts answers on it');
        const what = { kind: 'dataset', digest: source.digest, name: 'source' } as const;
        await assert.rejects(
          store.removeArtefact(what, false),
          /The dataset source is in use: 2 runs \(r, r2\)/,
        );
        const removed = await store.removeArtefact(what, true);
        assert.deepEqual(removed.along, ['1 dataset (source@small)', '2 runs (r, r2)']);
        assert.deepEqual(await store.listDatasets(), []);
      },
    );

    on('what records, specs and results refer to is referenced', async (store) => {
      await addExampleDevices(store, { d1: 'b' });
      const model = await store.addModel(exampleModel('m'));
      const variant = await store.addVariant(exampleVariant(model, 'int8'));
      await store.createRun(exampleRun('r', ['d1'], 1, exampleSpec(fakeDigest('in a spec'))));
      const attempt = attemptOf(await lease(store, 'd1'));
      await store.commitResult(exampleResult(attempt, { blobs: [fakeDigest('samples')] }));
      await store.addTask({ id: 't', kind: 'quantize', params: { upload: fakeDigest('upload') } });
      const referenced = await store.referencedBlobs();
      const expected = [model.digest, variant.digest, ...['in a spec', 'samples', 'upload'].map(fakeDigest)];
      for (const digest of expected) assert.ok(referenced.has(digest));
      assert.ok(!referenced.has(fakeDigest('nothing')));
    });
  });

  suite(`${name}: tasks and events`, () => {
    on('a task keeps what a change does not name', async (store) => {
      await store.addTask({ id: 't1', kind: 'quantize', params: { recipe: 'int8' } });
      await store.updateTask('t1', { state: 'running', progress: { step: 'calibrating', fraction: 0.5 } });
      await store.updateTask('t1', { state: 'failed', error: { code: 'refused', message: 'no' } });
      const task = await store.findTask('t1');
      assert.deepEqual(task?.progress, { step: 'calibrating', fraction: 0.5 });
      assert.deepEqual(task?.params, { recipe: 'int8' });
      assert.equal(task?.error?.code, 'refused');
      assert.equal((await store.listTasks('failed')).length, 1);
      assert.equal((await store.listTasks('queued')).length, 0);
      await assert.rejects(store.updateTask('t2', {}), { code: 'not-found' });
    });

    on('events are numbered without gaps and are listed after a number', async (store) => {
      await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          store.appendEvents([{ subject: i % 2 ? 'run:a' : 'run:b', kind: 'job.progress', data: { i } }]),
        ),
      );
      const all = await store.listEvents({ afterSeq: 0, limit: 100 });
      assert.deepEqual(
        all.map((event) => event.seq),
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      const some = await store.listEvents({ afterSeq: 10, subject: 'run:a', limit: 3 });
      assert.equal(some.length, 3);
      assert.ok(some.every((event) => event.subject === 'run:a' && event.seq > 10));
    });

    on('events go when they are old or many, the oldest first and a few at a time', async (store, clock) => {
      const append = (count: number): Promise<unknown> =>
        store.appendEvents(Array.from({ length: count }, () => ({ subject: 'run:a', kind: 'k', data: 1 })));
      const seqs = async (): Promise<number[]> =>
        (await store.listEvents({ afterSeq: 0, limit: 100 })).map((event) => event.seq);
      assert.equal(await store.pruneEvents({ keep: 1, maxAgeMs: 1, atMost: 10 }), 0);
      await append(20);
      const many = { keep: 5, maxAgeMs: 1000, atMost: 10 };
      assert.equal(await store.pruneEvents(many), 10);
      assert.equal(await store.pruneEvents(many), 5);
      assert.equal(await store.pruneEvents(many), 0);
      assert.deepEqual(await seqs(), [16, 17, 18, 19, 20]);
      clock.advance(1001);
      await append(2);
      assert.equal(await store.pruneEvents({ ...many, keep: 100 }), 5);
      assert.deepEqual(await seqs(), [21, 22], 'numbers go on');
    });

    on('a Hello replaces what the device said before', async (store) => {
      await addExampleDevices(store, { d1: 'old' });
      await store.recordHello('d1', { ...exampleHello('new'), agentVersion: '0.2.0' });
      const device = await store.findDevice('d1');
      assert.deepEqual([device?.bootId, device?.agentVersion], ['new', '0.2.0']);
    });
  });
}

function attemptOf(job: LeasedJob): { jobId: string; deviceId: string; fence: number } {
  return { jobId: job.id, deviceId: job.deviceId, fence: job.fence };
}

async function lease(store: Store, deviceId: string): Promise<LeasedJob> {
  const job = await store.leaseNextJob(deviceId, leaseMs);
  assert.ok(job, `a job is due for ${deviceId}`);
  return job;
}

async function states(store: Store, runId: string): Promise<string[]> {
  return (await store.listJobs(runId)).map((job) => job.state);
}
