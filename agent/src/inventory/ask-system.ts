import { system } from 'systeminformation';

// A process of its own: prints, as JSON, what machine systeminformation takes this for, and ends.

process.stdout.write(JSON.stringify(await system()));
