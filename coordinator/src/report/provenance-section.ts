import type { Report } from './report.ts';
import type { Section } from './section.ts';
import { stripControl } from './strip-control.ts';

/** Digests, versions, plan and seeds: what it takes to do the run again. */
export function provenanceSection(report: Report): Section {
  const { run, model, variants, dataset, devices, method } = report;
  const rows: [string, string][] = [
    ['run', run.id],
    ['started', new Date(run.createdAtMs).toISOString()],
    ['model', `${model.name} ${model.digest}`],
    ...variants.map((variant): [string, string] => [
      `variant ${variant.name}`,
      [
        variant.digest,
        `recipe ${variant.recipe}`,
        variant.format,
        variant.granularity,
        variant.calibration
          ? `calibrated on ${variant.calibration.count} inputs (${variant.calibration.method}, samples ${variant.calibration.samplesDigest})`
          : 'not calibrated',
        ...variant.notes,
      ].join('; '),
    ]),
    ...(dataset
      ? [['dataset', `${dataset.name} ${dataset.digest}; ${dataset.source}`] satisfies [string, string]]
      : []),
    ...devices.map((device): [string, string] => [
      `device ${device.name}`,
      [
        device.id,
        `agent ${device.agentVersion ?? 'unknown'}`,
        device.inventory
          ? `${device.inventory.os}, kernel ${device.inventory.kernel}, Node ${device.inventory.nodeVersion}`
          : 'no inventory',
        ...device.backends.map((backend) =>
          backend.available
            ? `${backend.id} ${backend.version}`
            : `${backend.id} unavailable: ${backend.reason}`,
        ),
      ].join('; '),
    ]),
    [
      'statistics',
      `${method.confidence * 100} % intervals, ${method.resamples} resamples of launches, seed ${method.seed}, at least ${method.minLaunchesToJudge} launches, effects up to ${method.negligibleEffect * 100} % are "not different"`,
    ],
    ['plan', JSON.stringify(run.plan)],
  ];
  return {
    id: 'provenance',
    title: 'Provenance',
    lead: 'What the numbers were computed from.',
    table: {
      columns: [
        { title: 'what', numeric: false },
        { title: 'identity', numeric: false },
      ],
      rows: rows.map((row) => row.map(stripControl)),
    },
    isDetail: true,
  };
}

/** The signed results behind the report, by digest. */
export function resultsSection({ results, devices }: Report): Section {
  return {
    id: 'results',
    title: 'Results',
    lead: 'Results as the agents signed them, by SHA-256.',
    table: {
      columns: ['result', 'device', 'kind', 'job'].map((title) => ({ title, numeric: false })),
      rows: results.map((result) =>
        [
          result.digest,
          devices.find((device) => device.id === result.deviceId)?.name ?? result.deviceId,
          result.kind,
          result.jobId,
        ].map(stripControl),
      ),
    },
    isDetail: true,
  };
}
