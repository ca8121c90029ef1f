import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { type RunDetail, runDetailSchema, runViewSchema } from '../../api/views/run-view.ts';
import type { ApiClient } from '../api-client.ts';
import { type CliContext, say } from '../cli-context.ts';
import { followRun, requireCompleted } from '../follow-run.ts';
import { addSample } from './add-sample.ts';
import type { Demo } from './demo.ts';
import { startDemoAgents } from './start-demo-agents.ts';
import { waitForAgents } from './wait-for-agents.ts';

export interface DemoSettings {
  /** Whether an emulated board joins where this machine can emulate one. */
  readonly emulate: boolean;
  /** Called when the report is written, while everything still runs. */
  whenDone(): Promise<void>;
}

const stepCount = 5;

/** Six launches a variant, the least that a comparison is made from, short enough for the whole to end in 3 minutes on two cores. */
const timing = { profile: 'rapid', launches: 6, minSamples: 100, minDurationMs: 500, maxDurationMs: 5000 };

/** An emulated processor is some thirty times slower; so many inputs show whether it answers as the others do. */
const emulatedLimit = 100;

/**
 * The main job: agents on this machine, the sample, its variants, a run over all of them, the report as a table and in
 * files. All that it started has ended when it returns or throws. Throws `some-devices-failed` after the report where
 * the run is not complete.
 */
export async function runDemo(demo: Demo, settings: DemoSettings): Promise<void> {
  const { context, client } = demo;
  step(context, 1, 'Agents on this machine');
  await cancelLeftovers(client);
  await using agents = await startDemoAgents(demo, settings);
  step(context, 2, 'Sample model and data, quantized');
  const sample = await addSample(demo);
  step(context, 3, 'Waiting for the agents');
  const devices = await waitForAgents(demo, agents.agents);
  step(context, 4, `Measuring on ${devices.join(', ')}`);
  const run = await measure(demo, { ...sample, devices });
  step(context, 5, 'Report');
  const files = await writeReports(demo, run);
  tellNext(context, files);
  await settings.whenDone();
  requireCompleted(run);
}

function step(context: CliContext, number: number, text: string): void {
  if (context.signal.aborted) throw new QfleetError('cancelled', 'Stopped.');
  say(context, `[${number}/${stepCount}] ${text}`);
}

/** Runs of a demo that was killed would go on with our agents. */
async function cancelLeftovers(client: ApiClient): Promise<void> {
  const { runs } = await client.get('/v1/runs', z.object({ runs: z.array(runViewSchema) }));
  for (const { id, state } of runs) if (state === 'running') await cancel(client, id);
}

async function cancel(client: ApiClient, id: string): Promise<void> {
  await client.post(`/v1/runs/${id}/cancel`, runDetailSchema);
}

async function measure(
  { context, client }: Demo,
  order: { readonly model: string; readonly dataset: string; readonly devices: readonly string[] },
): Promise<RunDetail> {
  const { model, dataset, devices } = order;
  const plan = { name: 'demo', model, devices, evaluation: { dataset, emulatedLimit }, timing };
  const created = await client.post('/v1/runs', runDetailSchema, plan);
  for (const note of created.notes) say(context, `  ${note}`);
  try {
    return await followRun(context, client, created.id);
  } catch (thrown) {
    if (context.signal.aborted) await cancel(client, created.id).catch(() => undefined);
    throw thrown;
  }
}

/** Prints the table and writes the other formats; returns their paths, the page first. */
async function writeReports({ context, client, reportsDir }: Demo, run: RunDetail): Promise<string[]> {
  const folder = join(reportsDir, run.id);
  await mkdir(folder, { recursive: true });
  const load = (format: string): Promise<string> =>
    client.getText(`/v1/runs/${run.id}/report?format=${format}`);
  const paths: string[] = [];
  for (const format of ['html', 'json', 'md', 'csv']) {
    const path = join(folder, `report.${format}`);
    await writeFile(path, await load(format));
    paths.push(path);
  }
  context.stdout.write(`${(await load('table')).trimEnd()}\n`);
  return paths;
}

function tellNext(context: CliContext, [page = '', ...others]: readonly string[]): void {
  const short = (path: string): string => relative(context.cwd, path) || path;
  say(context, '');
  say(context, `Report: ${short(page)}`);
  say(context, `        and ${others.map((path) => path.split('.').at(-1)).join(', ')} beside it.`);
  say(context, 'Next:');
  say(context, '  your own model   ./qfleet up, then elsewhere: ./qfleet model add MODEL.onnx');
  say(
    context,
    '  a real board     ./qfleet device add NAME --out DIR, and ./qfleet-agent run --identity DIR there',
  );
  say(context, '  all commands     ./qfleet --help');
}
