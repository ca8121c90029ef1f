import { QfleetError } from '@qfleet/shared/errors.ts';
import * as z from 'zod';
import { describeIssues } from '../api/parse-input.ts';
import { suggestNames } from '../main/suggest-names.ts';
import { type Plan, planSchema } from '../plan/plan.ts';
import type { CliContext } from './cli-context.ts';
import { readYaml } from './read-yaml.ts';

/** What of a plan can be said on the command line. */
export interface PlanFlags {
  readonly model?: string;
  readonly variants?: readonly string[];
  readonly devices?: readonly string[];
  readonly backends?: readonly string[];
  readonly dataset?: string;
  readonly limit?: number;
  readonly allowOverlap?: boolean;
  readonly threads?: number;
  readonly launches?: number;
  readonly duration?: number;
  readonly timing?: boolean;
  readonly scenarios?: readonly string[];
  readonly preset?: string;
  readonly profile?: string;
  readonly repeats?: number;
  readonly sustained?: number;
  readonly counters?: boolean;
  readonly probe?: boolean;
  readonly name?: string;
}

type Loose = Record<string, unknown>;

/** The plan of a file with the flags laid over it and the defaults filled in; throws `usage` that names every wrong field. */
export async function readPlan(
  context: Pick<CliContext, 'cwd'>,
  file: string | undefined,
  flags: PlanFlags,
): Promise<Plan> {
  const written = file === undefined ? {} : await readYaml(context, file);
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new QfleetError('usage', `${file} holds no plan: expected fields such as "model: mnist-8".`);
  }
  const parsed = planSchema.safeParse(layFlagsOver(written as Loose, flags));
  if (parsed.success) return parsed.data;
  const where = file === undefined ? 'The plan' : `The plan in ${file}`;
  throw new QfleetError('usage', `${where} is not as expected: ${describeIssues(parsed.error)}`, {
    hint:
      suggestFields(parsed.error) ?? 'The least a plan needs is a model: ./qfleet run create --model NAME.',
  });
}

/** Where fields are not known: those that are probably meant, wherever in a plan they belong, or all of that place. */
function suggestFields({ issues }: z.ZodError): string | undefined {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  if (unknown.length === 0) return undefined;
  const nearest = unknown.flatMap(({ keys }) => keys.flatMap(nearestField));
  if (nearest.length > 0) return `Did you mean ${nearest.join(' and ')}?`;
  return `A plan takes ${planFields.filter((field) => !field.includes('.')).join(', ')}.`;
}

function nearestField(key: string): string[] {
  const [name] = suggestNames(key, planFields.map(lastPart));
  return planFields.filter((field) => lastPart(field) === name).slice(0, 1);
}

function lastPart(field: string): string {
  return field.split('.').at(-1)!;
}

/** `model`, `timing`, `timing.launches`, … */
const planFields: readonly string[] = listFields(z.toJSONSchema(planSchema, { io: 'input' }), '');

function listFields(schema: z.core.JSONSchema._JSONSchema, prefix: string): string[] {
  if (typeof schema === 'boolean') return [];
  const nested = Array.isArray(schema.items) ? {} : (schema.items ?? {});
  const own = Object.entries(schema.properties ?? {});
  return [
    ...listFieldsOf(own, prefix),
    ...(typeof nested === 'boolean' ? [] : listFieldsOf(Object.entries(nested.properties ?? {}), prefix)),
  ];
}

function listFieldsOf(
  properties: readonly [string, z.core.JSONSchema._JSONSchema][],
  prefix: string,
): string[] {
  return properties.flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...listFields(inner, `${prefix}${name}.`),
  ]);
}

function layFlagsOver(plan: Loose, flags: PlanFlags): Loose {
  const { model, variants, devices, backends, name, threads, scenarios, preset } = flags;
  const evaluation = layOver(plan['evaluation'], {
    dataset: flags.dataset,
    limit: flags.limit,
    allowOverlap: flags.allowOverlap,
  });
  const timing = layOver(plan['timing'], {
    launches: flags.launches,
    minDurationMs: flags.duration,
    enabled: flags.timing === false ? false : undefined,
    profile: flags.profile,
    repeats: flags.repeats,
    sustainedMinutes: flags.sustained,
    counters: flags.counters === false ? false : undefined,
  });
  const settings = threads === undefined ? plan['settings'] : [{ threads }];
  return dropAbsent({
    ...plan,
    ...dropAbsent({ model, variants, devices, backends, name, scenarios, preset }),
    settings,
    evaluation,
    timing,
    probeMaxAgeHours: flags.probe === false ? -1 : plan['probeMaxAgeHours'],
  });
}

/** Undefined where neither the file nor a flag says anything. */
function layOver(written: unknown, flags: Loose): unknown {
  const said = dropAbsent(flags);
  if (Object.keys(said).length === 0) return written;
  return { ...(typeof written === 'object' ? written : {}), ...said };
}

function dropAbsent(fields: Loose): Loose {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
