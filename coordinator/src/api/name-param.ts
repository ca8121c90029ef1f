import * as z from 'zod';

/** Path parameter of every single thing: a name, an id, a digest or an unambiguous prefix of one. */
export const nameParam = z.object({ name: z.string().min(1) });

/** Answer of an operation that has nothing to say beyond that it was done. */
export const doneSchema = z.object({ done: z.literal(true) });

/** Query of a removal: whether what refers to the thing goes along. */
export const forceQuery = z.object({ force: z.enum(['true', 'false']).default('false') });

/** Answer of a removal: what went along, in words, and the bytes that are free at once. */
export const removedSchema = z.object({ along: z.array(z.string()), freedBytes: z.number() });
