import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { buildDoubling } from '../agent/src/testing/build-onnx.ts';
import { Lab, until } from './support/lab.ts';

/** Five seconds of timed work in six launches, so that there is a middle to be killed in. */
async function startLongRun(lab: Lab): Promise<string> {
  const path = join(lab.folder, 'slow.onnx');
  writeFileSync(path, buildDoubling(['N', 4], 'qfleet.noop busy_ns=2000000'));
  await lab.qfleetOk('model', 'add', path, '--preset', 'raw');
  const order = [
    'run',
    'create',
    '--model',
    'slow',
    '--backends',
    'noop',
    '--duration',
    '800',
    '--repeats',
    '0',
    '--no-counters',
    '--no-probe',
  ];
  return (await lab.qfleetOk(...order)).trim();
}

interface Job {
  kind: string;
  state: string;
  attempts: number;
  progress?: { step: string };
}

async function readRun(lab: Lab, id: string): Promise<{ state: string; reason: string; jobs: Job[] }> {
  return JSON.parse(await lab.qfleetOk('run', 'show', id, '-o', 'json'));
}

async function untilTiming(lab: Lab, id: string): Promise<void> {
  await until('a launch is under way', async () => {
    const { jobs } = await readRun(lab, id);
    return jobs.some(
      (job) => job.kind === 'measure' && job.state === 'leased' && job.progress?.step.includes('launch'),
    );
  });
}

async function untilEnded(lab: Lab, id: string): Promise<{ state: string; reason: string; jobs: Job[] }> {
  await until('the run has ended', async () => (await readRun(lab, id)).state !== 'running');
  return readRun(lab, id);
}

function countCommitted(lab: Lab, runId: string): { jobs: number; results: number; distinct: number } {
  const database = new DatabaseSync(join(lab.data, 'qfleet.db'), { readOnly: true });
  try {
    const one = (sql: string): number => Number((database.prepare(sql).get(runId) as { n: number }).n);
    return {
      jobs: one('select count(*) as n from jobs where run_id = ?'),
      results: one("select count(*) as n from results where run_id = ? and state = 'committed'"),
      distinct: one(
        "select count(distinct job_id) as n from results where run_id = ? and state = 'committed'",
      ),
    };
  } finally {
    database.close();
  }
}

describe('nothing is lost', () => {
  test('an agent that is killed in mid-job comes back and the run completes, one result per job', async () => {
    await using lab = new Lab();
    await lab.startCoordinator();
    const agent = await lab.startAgent('board', '--backends', 'noop');
    const id = await startLongRun(lab);
    await untilTiming(lab, id);
    await agent.stop('SIGKILL');
    await lab.startAgent('board', '--backends', 'noop');
    const run = await untilEnded(lab, id);
    assert.equal(run.state, 'completed');
    const measure = run.jobs.find((job) => job.kind === 'measure');
    assert.equal(measure?.attempts, 2);
    const { jobs, results, distinct } = countCommitted(lab, id);
    assert.deepEqual([results, distinct], [jobs, jobs]);
  });

  test('a coordinator that is killed in mid-run comes back, the agent goes on, and the run completes', async () => {
    await using lab = new Lab();
    const coordinator = await lab.startCoordinator();
    await lab.startAgent('board', '--backends', 'noop');
    const id = await startLongRun(lab);
    await untilTiming(lab, id);
    await coordinator.stop('SIGKILL');
    await lab.startCoordinator();
    const run = await untilEnded(lab, id);
    assert.equal(run.state, 'completed');
    assert.equal(run.jobs.find((job) => job.kind === 'measure')?.attempts, 1, 'the agent kept its job');
    const { jobs, results, distinct } = countCommitted(lab, id);
    assert.deepEqual([results, distinct], [jobs, jobs]);
    const report = await lab.report(id);
    assert.equal(report.cells[0].readings['latency.p50'].status, 'measured');
  });

  test('a result that could not be submitted waits in the spool until the coordinator is back', async () => {
    await using lab = new Lab();
    const coordinator = await lab.startCoordinator();
    const agent = await lab.startAgent('board', '--backends', 'noop');
    const id = await startLongRun(lab);
    await untilTiming(lab, id);
    await coordinator.stop('SIGKILL');
    const spooled = /A result waits to be submitted/;
    await until('the result is in the spool', () => spooled.test(agent.said()), agent);
    await agent.stop('SIGKILL');
    lab.startAgentLater('board', '--backends', 'noop');
    await lab.startCoordinator();
    const run = await untilEnded(lab, id);
    assert.equal(run.state, 'completed');
    assert.equal(run.jobs.find((job) => job.kind === 'measure')?.attempts, 1, 'it was not measured again');
  });

  test('a second coordinator on the same data is refused with exit 78 and says who owns it', async () => {
    await using lab = new Lab();
    const first = await lab.startCoordinator();
    const second = await lab.qfleet('up', '--port', '0', '--listen', '127.0.0.1:0');
    assert.equal(second.code, 78);
    assert.match(second.stderr, new RegExp(`${first.child.pid}`));
  });
});
