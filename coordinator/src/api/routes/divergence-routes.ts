import * as z from 'zod';
import { compareTensors, tensorDifferenceSchema, tensorPairSchema } from '../../analysis/compare-tensors.ts';
import { variantSchema } from '../../artefacts/artefacts.ts';
import { exposeVariant, listInnerTensors } from '../../divergence/expose-variant.ts';
import { innerTensorSchema } from '../../divergence/list-tensors.ts';
import { loadEvidence } from '../../evidence/load-evidence.ts';
import { findModel, findRun, pickVariant } from '../../main/find-by-name.ts';
import { nameParam } from '../name-param.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

const exposeSchema = z.strictObject({ variant: z.string().min(1), tensors: z.array(z.string()).min(1) });
const sideSchema = z.strictObject({
  run: z.string().min(1),
  device: z.string().min(1),
  backend: z.string().min(1),
});
const comparisonOrderSchema = z.strictObject({
  reference: sideSchema,
  subject: sideSchema,
  /** Compared beside the outputs that both have under one name. Absent: every output as it is. */
  pairs: z.array(tensorPairSchema).optional(),
});

/** Where inside a network two places begin to answer differently. */
export const tensorComparisonSchema = z.object({
  /** Inputs compared. */
  inputs: z.number(),
  /** In the order of the variant's outputs. */
  tensors: z.array(tensorDifferenceSchema),
  /** Why they cannot be compared. */
  reason: z.string().optional(),
});

export function divergenceRoutes({ store, blobs, tempDir, closing }: Services): Route[] {
  const find = async (modelName: string, variantName: string) => {
    const model = await findModel(store, modelName);
    return pickVariant(await store.listVariants(model.digest), variantName);
  };
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/models/{name}/tensors',
      operationId: 'listTensors',
      summary: 'Tensors inside a variant that can be looked at, in the order in which they are computed',
      tag: 'variants',
      params: nameParam,
      query: z.object({ variant: z.string().min(1) }),
      response: z.object({ tensors: z.array(innerTensorSchema) }),
      handle: async ({ params, query }) => ({
        tensors: await listInnerTensors(await find(params.name, query.variant), {
          blobs,
          signal: closing,
          tempDir,
        }),
      }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/models/{name}/exposed',
      operationId: 'exposeTensors',
      summary: 'A variant with inner tensors as outputs beside its own',
      tag: 'variants',
      params: nameParam,
      body: exposeSchema,
      status: 201,
      response: variantSchema,
      handle: async ({ params, body }) =>
        exposeVariant(await find(params.name, body.variant), body.tensors, { store, blobs, signal: closing }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/tensor-comparisons',
      operationId: 'compareTensors',
      summary: 'Outputs of one run in one place against those of another, tensor by tensor',
      tag: 'runs',
      body: comparisonOrderSchema,
      response: tensorComparisonSchema,
      handle: async ({ body }) => {
        const [reference, subject] = await Promise.all(
          [body.reference, body.subject].map(async ({ run, device, backend }) => ({
            evidence: await loadEvidence((await findRun(store, run)).id, store, blobs),
            deviceId: device,
            backendId: backend,
          })),
        );
        const compared = compareTensors(reference!, subject!, body.pairs);
        if (typeof compared === 'string') return { inputs: 0, tensors: [], reason: compared };
        return { inputs: compared.inputs, tensors: [...compared.tensors] };
      },
    }),
  ];
}
