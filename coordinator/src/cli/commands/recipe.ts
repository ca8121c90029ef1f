import type { Command } from 'commander';
import { stringify } from 'yaml';
import { judgeTargets } from '../../quantize/profiles/find-profile.ts';
import { findRecipe, recipes } from '../../quantize/recipes/find-recipe.ts';
import type { Recipe } from '../../quantize/recipes/recipe.ts';
import type { CliContext } from '../cli-context.ts';
import { type Column, parseFormat, printRows } from '../output/print-rows.ts';
import { withExample, withOutput } from '../with-options.ts';

/** `qfleet recipe …`: the ways that variants can be made. */
export function addRecipeCommands(program: Command, context: CliContext): void {
  const recipe = program.command('recipe').description('the ways that variants can be made: list, show');
  withExample(recipe, './qfleet recipe ls');
  const list = withOutput(recipe.command('ls').description('list the named recipes')).action(() => {
    const { output } = list.optsWithGlobals<{ output: string }>();
    printRows(context, parseFormat(output), columns, recipes);
  });
  withExample(list, './qfleet recipe ls');
  const show = recipe
    .command('show <name>')
    .description('every choice of a recipe, as a YAML file to change, and what targets make of its format')
    .action((name: string) => {
      const found = findRecipe(name);
      context.stdout.write(stringify({ recipes: [found] }));
      for (const [target, { verdict, why }] of Object.entries(judgeTargets(found)))
        context.stdout.write(`# ${target}: ${verdict} (${why})\n`);
    });
  withExample(show, './qfleet recipe show int8-per-channel > mine.yaml');
}

const columns: Column<Recipe>[] = [
  { title: 'recipe', cell: ({ id }) => id },
  { title: 'calibration', cell: ({ scheme }) => (scheme === 'static' ? 'yes' : 'no') },
  { title: 'what it makes', cell: ({ description }) => description },
];
