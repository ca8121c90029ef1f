/** What each recipe costs the sample network over three calibration seeds, as a Markdown table: `node sample-recovery.ts [IMAGES]`. */
import { type Loss, measureSampleLosses } from '../../support/sample-recovery.ts';

const count = Number(process.argv[2] ?? 10_000);
const seeds = [101, 102, 103];
const recipes = ['int8-per-tensor', 'int8-equalized', 'int8-min-max', 'int8-per-channel'];

const bySeed: Loss[][] = [];
for (const calibrationSeed of seeds) {
  process.stderr.write(`calibration seed ${calibrationSeed}\n`);
  bySeed.push(await measureSampleLosses({ recipes, calibrationSeed, calibrationCount: 200, count }));
}
const header = ['recipe', ...seeds.map((seed) => `points lost, calibration seed ${seed}`)];
const rows = recipes.map((recipe) => [
  `\`${recipe}\``,
  ...bySeed.map((losses) => format(losses.find((loss) => loss.recipe === recipe)!)),
]);
for (const row of [header, header.map(() => '---'), ...rows])
  process.stdout.write(`| ${row.join(' | ')} |\n`);

function format({ points, low, high }: Loss): string {
  return `${points.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}
