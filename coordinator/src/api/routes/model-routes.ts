import { printableName } from '@qfleet/shared/terminal/printable-name.ts';
import * as z from 'zod';
import { modelSchema, variantSchema } from '../../artefacts/artefacts.ts';
import { parseContractFields } from '../../artefacts/read-contract-file.ts';
import { findModel, pickVariant } from '../../main/find-by-name.ts';
import { forceQuery, nameParam, removedSchema } from '../name-param.ts';
import { requireAbsolute } from '../require-absolute.ts';
import { defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';

const addModelSchema = z.strictObject({
  /** Absolute path of an ONNX file on the coordinator's machine. */
  path: z.string().min(1),
  name: printableName.min(1),
  /** What of the input contract cannot be seen from the model. */
  contract: z
    .record(z.string(), z.unknown())
    .describe('preset, layout, elementType, channels, height, width, scale, mean, deviation, inputName')
    .optional(),
});

/** `notes`: guesses about the input contract that the user should know of. */
export const addedModelSchema = modelSchema.extend({
  notes: z.array(z.string()),
  /** Whether the file holds quantized operators already, so that it can be measured but not quantized. */
  isQuantized: z.boolean(),
});

const addVariantSchema = z.strictObject({ path: z.string().min(1), name: printableName.min(1) });

export function modelRoutes(services: Services): Route[] {
  const { store } = services;
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/models',
      operationId: 'listModels',
      summary: 'Models',
      tag: 'models',
      response: z.object({ models: z.array(modelSchema) }),
      handle: async () => ({ models: await store.listModels() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/models',
      operationId: 'addModel',
      summary: 'Checks and stores an ONNX file',
      tag: 'models',
      body: addModelSchema,
      status: 201,
      response: addedModelSchema,
      handle: async ({ body: { path, name, contract } }) => {
        const { model, notes } = await services.addModel({
          path: requireAbsolute(path),
          name,
          contract: contract && parseContractFields(JSON.stringify(contract), 'contract'),
        });
        const own = (await store.listVariants(model.digest)).find(({ digest }) => digest === model.digest);
        return { ...model, notes, isQuantized: own !== undefined && own.record.granularity !== 'none' };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/models/{name}',
      operationId: 'getModel',
      summary: 'One model with its variants',
      tag: 'models',
      params: nameParam,
      response: modelSchema.extend({ variants: z.array(variantSchema) }),
      handle: async ({ params }) => {
        const model = await findModel(store, params.name);
        return { ...model, variants: await store.listVariants(model.digest) };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/models/{name}/variants',
      operationId: 'listVariants',
      summary: 'Variants of a model',
      tag: 'variants',
      params: nameParam,
      response: z.object({ variants: z.array(variantSchema) }),
      handle: async ({ params }) => {
        const model = await findModel(store, params.name);
        return { variants: await store.listVariants(model.digest) };
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/v1/models/{name}/variants',
      operationId: 'addVariant',
      summary: 'Stores a variant that was made elsewhere',
      tag: 'variants',
      params: nameParam,
      body: addVariantSchema,
      status: 201,
      response: variantSchema,
      handle: async ({ params, body }) => {
        const model = await findModel(store, params.name);
        return services.addVariant({ model, path: requireAbsolute(body.path), name: body.name });
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/models/{name}',
      operationId: 'removeModel',
      summary: 'Removes a model with its variants; with force also the runs of them',
      tag: 'models',
      params: nameParam,
      query: forceQuery,
      response: removedSchema,
      handle: async ({ params, query }) => {
        const { digest, name } = await findModel(store, params.name);
        return services.removeArtefact({ kind: 'model', digest, name }, query.force === 'true');
      },
    }),
    defineRoute({
      method: 'DELETE',
      path: '/v1/models/{name}/variants/{variant}',
      operationId: 'removeVariant',
      summary: 'Removes a variant; with force also the runs of it',
      tag: 'variants',
      params: nameParam.extend({ variant: z.string().min(1) }),
      query: forceQuery,
      response: removedSchema,
      handle: async ({ params, query }) => {
        const model = await findModel(store, params.name);
        const { digest, name } = pickVariant(await store.listVariants(model.digest), params.variant);
        return services.removeArtefact(
          { kind: 'variant', digest, name, modelDigest: model.digest },
          query.force === 'true',
        );
      },
    }),
  ];
}
