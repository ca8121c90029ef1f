/** `npm test`: every test that needs nothing outside the project, or those named: `npm test -- shared test/fleet.test.ts`. */
import { runTestFiles } from './run-test-files.ts';

process.exit(runTestFiles('.test.ts', process.argv.slice(2)));
