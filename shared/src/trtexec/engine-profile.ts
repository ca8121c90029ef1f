import * as z from 'zod';
import { parseEngineLayers, parseProfile } from './parse-exports.ts';

/** How long every layer of a TensorRT engine took, and what it computes on where the engine was built to tell. */
export const engineProfileSchema = z.object({
  tool: z.literal('trtexec'),
  /** Inferences that the times are averages of. */
  runs: z.number().optional(),
  layers: z.array(
    z.object({
      /** TensorRT joins the names of fused layers with " + ". */
      name: z.string(),
      averageMs: z.number(),
      /** TensorRT's own: `CaskConvolution`, `Reformat`; absent where the engine kept names alone. */
      type: z.string().optional(),
      /** `int8`, `float16`, `float32`, of the first input likewise. */
      inputType: z.string().optional(),
    }),
  ),
});
export type EngineProfile = z.infer<typeof engineProfileSchema>;

/** What `--exportProfile` and `--exportLayerInfo` wrote of one engine, by the layers' names. The second may be missing. */
export function readEngineProfile(profileText: string, layersText: string | undefined): EngineProfile {
  const { runs, layers } = parseProfile(profileText);
  const known = new Map(
    (layersText === undefined ? [] : parseEngineLayers(layersText)).map((one) => [one.name, one]),
  );
  return {
    tool: 'trtexec',
    ...(runs !== undefined && { runs }),
    layers: layers.map(({ name, averageMs }) => {
      const { type, inputType } = known.get(name) ?? {};
      return {
        name,
        averageMs,
        ...(type !== undefined && { type }),
        ...(inputType !== undefined && { inputType }),
      };
    }),
  };
}
