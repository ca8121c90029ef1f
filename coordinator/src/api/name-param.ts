import * as z from 'zod';

/** Path parameter of every single thing: a name, an id, a digest or an unambiguous prefix of one. */
export const nameParam = z.object({ name: z.string().min(1) });

/** Answer of an operation that has nothing to say beyond that it was done. */
export const doneSchema = z.object({ done: z.literal(true) });
