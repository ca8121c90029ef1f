import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { judgeTargets, profileIds } from '../profiles/find-profile.ts';
import { composeRecipes } from './compose-recipe.ts';
import { findRecipe, recipes } from './find-recipe.ts';
import { type Recipe, recipeSchema, type StaticRecipe } from './recipe.ts';
import { resolveRecipes } from './resolve-recipes.ts';

const ids = recipes.map(({ id }) => id);

describe('the named recipes', () => {
  it('are complete, each as it would be after another reading, and described for people', () => {
    for (const recipe of recipes) {
      assert.deepEqual(recipeSchema.parse(recipe), recipe);
      assert.ok(recipe.description.length > 10, recipe.id);
      assert.ok(Object.isFrozen(recipe));
    }
  });

  it('have one file each, of the same name', () => {
    const machinery = ['compose-recipe', 'find-recipe', 'recipe', 'resolve-recipes'];
    const files = readdirSync(import.meta.dirname)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => name.slice(0, -3))
      .filter((name) => !machinery.includes(name));
    assert.deepEqual([...ids].sort(), files.sort());
    assert.equal(new Set(ids).size, ids.length);
  });

  it('answer to the field’s shorthand as well', () => {
    assert.equal(findRecipe('int8-u8s8-pc').id, 'int8-per-channel');
    assert.equal(findRecipe('int8-u8s8-pt').id, 'int8-per-tensor');
  });

  it('are not found under other names, and the nearest is suggested', () => {
    assert.throws(() => findRecipe('int8-per-chanel'), {
      code: 'not-found',
      message: /"int8-per-chanel"/,
      hint: /int8-per-channel/,
    });
    assert.throws(() => findRecipe('zzz'), { code: 'not-found', hint: /fp16.*int4-wo.*all/ });
  });
});

describe('resolveRecipes', () => {
  it('gives every named recipe for "all", in the order of the list', () => {
    assert.deepEqual(resolveRecipes(['all']), recipes);
  });

  it('gives each id once, whichever names it came by', () => {
    const found = resolveRecipes(['int8-u8s8-pc', 'fp32', 'int8-per-channel', 'fp32']);
    assert.deepEqual(
      found.map(({ id }) => id),
      ['int8-per-channel', 'fp32'],
    );
    assert.equal(resolveRecipes(['all', 'fp32']).length, recipes.length);
  });

  it('takes recipes that are written out among the named ones', () => {
    const [own] = composeRecipes({ recipes: [{ id: 'own', scheme: 'float16' }] }, 'file.yaml');
    assert.deepEqual(
      resolveRecipes(['fp32', own!]).map(({ id }) => id),
      ['fp32', 'own'],
    );
  });
});

describe('composeRecipes', () => {
  const compose = (...list: Record<string, unknown>[]): Recipe[] =>
    composeRecipes({ recipes: list }, 'file.yaml');
  const composeStatic = (...list: Record<string, unknown>[]): StaticRecipe => {
    const recipe = compose(...list).at(-1)!;
    assert.equal(recipe.scheme, 'static');
    return recipe as StaticRecipe;
  };

  it('fills in defaults where there is no base', () => {
    const { description: _, id: __, ...own } = composeStatic({ id: 'own', scheme: 'static' });
    const { description: ___, id: ____, ...minMax } = findRecipe('int8-min-max');
    assert.deepEqual(own, minMax);
  });

  it('takes over everything but the description from a base, and merges objects key by key', () => {
    const base = findRecipe('int8-u8s8-pc-rr') as StaticRecipe;
    const own = composeStatic({
      id: 'own',
      base: 'int8-u8s8-pc-rr',
      weights: { granularity: 'per-tensor' },
      keepFloat: { last: true },
    });
    assert.deepEqual(own, {
      ...base,
      id: 'own',
      description: '',
      weights: { ...base.weights, granularity: 'per-tensor' },
      keepFloat: { ...base.keepFloat, last: true },
    });
    assert.equal(own.weights.bits, 7);
  });

  it('replaces an observer as a whole: parameters of one mean nothing to another', () => {
    const percentile = { id: 'a', base: 'int8-min-max', observer: { method: 'percentile', percentile: 99 } };
    assert.deepEqual(composeStatic(percentile).observer, { method: 'percentile', percentile: 99 });
    const entropy = { id: 'b', base: 'a', observer: { method: 'entropy' } };
    assert.deepEqual(composeStatic(percentile, entropy).observer, { method: 'entropy' });
    const other = { id: 'c', base: 'a', observer: { method: 'percentile' } };
    assert.deepEqual(composeStatic(percentile, other).observer, { method: 'percentile', percentile: 99.999 });
  });

  it('replaces lists as a whole', () => {
    const first = { id: 'a', scheme: 'static', keepFloat: { operators: ['Gemm'], nodes: ['x'] } };
    const second = { id: 'b', base: 'a', keepFloat: { operators: ['Conv'] } };
    const { keepFloat } = composeStatic(first, second);
    assert.deepEqual([keepFloat.operators, keepFloat.nodes], [['Conv'], ['x']]);
  });

  it('finds a base above in the same file, before a named one, and by its shorthand', () => {
    const above = { id: 'fp16', scheme: 'static', weights: { bits: 7 } };
    assert.equal(composeStatic(above, { id: 'own', base: 'fp16' }).weights.bits, 7);
    assert.equal(composeStatic({ id: 'own', base: 'int8-u8s8-pt' }).weights.granularity, 'per-tensor');
  });

  it('does not change the recipes that others start from', () => {
    const before = structuredClone(findRecipe('int8-per-channel'));
    compose({ id: 'own', base: 'int8-per-channel', weights: { bits: 7 }, keepFloat: { first: true } });
    assert.deepEqual(findRecipe('int8-per-channel'), before);
  });

  it('refuses what it does not know, with file, recipe and place', () => {
    const refused: [Record<string, unknown>, RegExp][] = [
      [{ id: 'own', scheme: 'static', wieghts: {} }, /file\.yaml, recipe "own".*wieghts/],
      [{ id: 'own', base: 'int8-min-max', weights: { bit: 7 } }, /recipe "own".*weights: .*bit/],
      [{ id: 'own', base: 'int8-min-max', weights: { bits: 6 } }, /recipe "own".*weights\.bits/],
      [{ id: 'own', base: 'int8-min-max', observer: { method: 'median' } }, /recipe "own".*observer/],
      [{ id: 'own', base: 'int8-min-max', goal: { maxFlipsPoints: -1 } }, /goal\.maxFlipsPoints/],
      [{ id: 'own', base: 'int8-min-max', profile: 'abacus' }, /recipe "own".*profile/],
      [{ id: 'own', scheme: 'magic' }, /recipe "own".*scheme/],
      [{ id: 'own' }, /recipe "own".*scheme/],
      [{ id: 'fp16', base: 'fp16', weights: { bits: 7 } }, /recipe "fp16".*weights/],
      [{ id: '../own', base: 'fp16' }, /file name/],
      [{ base: 'fp16' }, /file\.yaml.*recipes\.0\.id/],
    ];
    for (const [recipe, message] of refused)
      assert.throws(() => compose(recipe), { code: 'usage', message }, JSON.stringify(recipe));
  });

  it('refuses a file that is no list of recipes', () => {
    for (const document of [undefined, null, 'all', [], {}, { recipes: [] }, { recipes: {} }, { recipe: [] }])
      assert.throws(() => composeRecipes(document, 'file.yaml'), { code: 'usage', message: /^file\.yaml / });
  });

  it('refuses a base that there is not, also one further down or itself', () => {
    for (const list of [
      [{ id: 'own', base: 'int3' }],
      [
        { id: 'own', base: 'later' },
        { id: 'later', scheme: 'static' },
      ],
      [{ id: 'own', base: 'own' }],
    ])
      assert.throws(() => compose(...list), { code: 'not-found', message: new RegExp(list[0]!.base!) });
  });

  it('refuses two recipes of one id, of which only one could become a file', () => {
    const twice = [
      { id: 'own', base: 'fp16' },
      { id: 'own', base: 'fp32' },
    ];
    assert.throws(() => compose(...twice), { code: 'usage', message: /"own"/ });
  });
});

describe('judgeTargets', () => {
  const verdicts = (id: string): string[] => {
    const targets = judgeTargets(findRecipe(id));
    assert.deepEqual(Object.keys(targets), profileIds);
    assert.ok(Object.values(targets).every(({ why }) => why.length > 10));
    return Object.values(targets).map(({ verdict }) => verdict);
  };

  const asymmetric = ['integer', 'integer', 'refused', 'refused'];
  const expected: Readonly<Record<string, readonly string[]>> = {
    fp32: ['float', 'float', 'float', 'float'],
    fp16: ['converted', 'converted', 'float', 'float'],
    'int8-per-tensor': asymmetric,
    'int8-min-max': asymmetric,
    'int8-per-channel': asymmetric,
    'int8-equalized': asymmetric,
    'int8-u8s8-pc-rr': asymmetric,
    'int8-u8u8': asymmetric,
    'int8-s8s8-sym': ['float', 'float', 'integer', 'converted'],
    'int8-a16w8': ['float', 'float', 'refused', 'refused'],
    'int8-mixed': asymmetric,
    'int8-dyn': asymmetric,
    'int4-wo': ['float', 'float', 'refused', 'refused'],
  };

  it('knows x64, Arm, TensorRT and the Jetson Nano', () => {
    assert.deepEqual(profileIds, [
      'onnxruntime-cpu-x64',
      'onnxruntime-cpu-arm',
      'tensorrt',
      'tensorrt-jetson-nano',
    ]);
    assert.deepEqual(Object.keys(expected), ids);
  });

  for (const [id, wanted] of Object.entries(expected))
    it(`predicts ${wanted.join(', ')} for ${id}`, () => assert.deepEqual(verdicts(id), wanted));

  it('says why TensorRT refuses: zero points that are not 0, or no int8', () => {
    const why = (id: string): string => judgeTargets(findRecipe(id))['tensorrt']!.why;
    assert.match(why('int8-per-channel'), /symmetric/);
    const unsigned = composeRecipes(
      { recipes: [{ id: 'own', base: 'int8-s8s8-sym', weights: { elementType: 'uint8' } }] },
      'file.yaml',
    );
    const { verdict, why: reason } = judgeTargets(unsigned[0]!)['tensorrt']!;
    assert.equal(verdict, 'refused');
    assert.match(reason, /int8/);
  });
});
