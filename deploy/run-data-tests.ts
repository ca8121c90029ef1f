/** `npm run test:data`: the tests on real models, tables and recordings, which are no part of the project. */
import { dataFolder, hasDataFolder } from './find-data-folder.ts';
import { runTestFiles } from './run-test-files.ts';

if (!hasDataFolder()) {
  process.stderr.write(
    `qfleet: no test data at ${dataFolder}; set QFLEET_TEST_DATA to the folder that has models/, datasets/, devices/\n` +
      'and benchmarks/. All other tests run without it: npm test\n',
  );
  process.exit(78);
}
process.exit(runTestFiles('.data-test.ts', process.argv.slice(2)));
