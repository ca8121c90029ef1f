import { fileURLToPath } from 'node:url';

/** The project's root folder. */
export const projectFolder: string = fileURLToPath(new URL('../..', import.meta.url));
