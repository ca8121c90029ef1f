/**
 * Many agents in one process, over the real protocol: each has its own certificate and connection, sends heartbeats,
 * and takes a moment for a job, whose blob it uploads and whose result it signs. Takes one order, connects all, says
 * so, floods from one device while it is told to, and ends when the channel closes.
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '@qfleet/shared/random.ts';
import { evaluateResult, TestAgent, type TestSession } from '../../../coordinator/src/fleet/fleet-fixture.ts';
import type { FleetIdentities } from './fleet-coordinator.ts';

export interface GeneratorOrder {
  readonly address: string;
  /** The file that the coordinator wrote. */
  readonly identitiesPath: string;
  readonly seed: number;
}

/** Connections that are being made at the same time. */
const connectingAtOnce = 64;
const heartbeatMs = 15_000;
/** What the work of a job takes, milliseconds. */
const longestWorkMs = 2_000;

interface Member {
  readonly agent: TestAgent;
  readonly session: TestSession;
  held: { jobId: string; fence: number } | undefined;
}

let lostSessions = 0;
let isFlooding = false;

process.once('message', async ({ address, identitiesPath, seed }: GeneratorOrder) => {
  const random = createRandom(seed);
  const { caPem, devices } = JSON.parse(await readFile(identitiesPath, 'utf8')) as FleetIdentities;
  const members: Member[] = [];
  const waiting = devices.entries();
  const connectSome = async (): Promise<void> => {
    for (const [, { id, keyPem, certificatePem }] of waiting) {
      const agent = new TestAgent(address, id, { caPem, keyPem, certificatePem });
      const member: Member = { agent, session: await agent.open(), held: undefined };
      members.push(member);
      void member.session.ended.then(() => lostSessions++);
      void beat(member, random.next() * heartbeatMs);
      void work(member, () => random.next() * longestWorkMs);
    }
  };
  await Promise.all(Array.from({ length: connectingAtOnce }, connectSome));
  process.send?.({ connected: members.length });
  process.on('message', async (message: 'flood' | 'stop-flood' | 'count') => {
    isFlooding = message === 'flood';
    if (message === 'flood') await flood(members[0]!.session);
    if (message === 'count') process.send?.({ lostSessions });
  });
});

process.once('disconnect', () => process.exit(0));

async function beat(member: Member, firstMs: number): Promise<void> {
  for (let pauseMs = firstMs; ; pauseMs = heartbeatMs) {
    await sleep(pauseMs);
    await member.session.beat(member.held).catch(() => undefined);
  }
}

async function work(member: Member, chooseMs: () => number): Promise<void> {
  const { agent, session } = member;
  for (;;) {
    const job = await session.nextJob().catch(() => undefined);
    if (!job) return;
    member.held = { jobId: job.id, fence: job.fence };
    session.send({ progress: { ...member.held, step: 'evaluating', fraction: 0 } });
    await sleep(chooseMs());
    const outputs = `outputs of ${job.id}`;
    const digest = await agent.upload(outputs);
    const result = evaluateResult(job, { blobs: [digest] });
    if (result.outcome.kind !== 'evaluate') return;
    result.outcome.facts.comparison.blob = digest;
    await agent.submit(result);
    member.held = undefined;
  }
}

/** As fast as this process can, with as much in flight as the stream takes. */
async function flood(session: TestSession): Promise<void> {
  while (isFlooding) {
    for (let count = 0; count < 200; count++) session.send({ heartbeat: {} });
    await new Promise((resolve) => setImmediate(resolve));
  }
}
