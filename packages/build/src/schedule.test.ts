import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { neverReady, nextSteps, type Scheduled, type StepState } from './schedule.ts';

const step = (
  name: string,
  dependsOn: string[] = [],
  runsOn: Scheduled['runsOn'] = ['success'],
): Scheduled => ({ name, dependsOn, runsOn });

const next = (
  steps: Scheduled[],
  states: Record<string, StepState>,
): { start: string[]; skip: string[] } => {
  const { start, skip } = nextSteps(steps, new Map(Object.entries(states)));
  return { start: start.map(({ name }) => name), skip };
};

test('what depends on nothing starts at once, in the order of the file', () => {
  assert.deepEqual(next([step('b'), step('a'), step('c', ['a'])], {}), {
    start: ['b', 'a'],
    skip: [],
  });
});

test('a step waits for every step before it, and not for one that runs in the background', () => {
  const steps = [step('a'), step('b'), step('c', ['a', 'b'])];
  assert.deepEqual(next(steps, { a: 'passed', b: 'running' }).start, []);
  assert.deepEqual(next(steps, { a: 'passed', b: 'started' }).start, ['c']);
});

test('a failure skips what comes after it, however far, and leaves other branches alone', () => {
  const steps = [
    step('a'),
    step('b', ['a']),
    step('c', ['b']),
    step('other'),
    step('d', ['other']),
  ];
  assert.deepEqual(next(steps, { a: 'failed', other: 'passed' }), {
    start: ['d'],
    skip: ['b', 'c'],
  });
});

test('a step for failure runs after one, also behind skipped steps, and is skipped where there is none', () => {
  const steps = [
    step('a'),
    step('b', ['a']),
    step('mourn', ['b'], ['failure']),
    step('always', ['b'], ['success', 'failure']),
  ];
  assert.deepEqual(next(steps, { a: 'failed' }), { start: ['mourn', 'always'], skip: ['b'] });
  assert.deepEqual(next(steps, { a: 'passed', b: 'passed' }), {
    start: ['always'],
    skip: ['mourn'],
  });
});

test('what waits for itself or for nobody is named', () => {
  assert.equal(neverReady([step('a'), step('b', ['a'])]), null);
  assert.equal(neverReady([step('a'), step('b', ['c']), step('c', ['b'])]), 'b');
  assert.equal(neverReady([step('a', ['absent'])]), 'a');
});

/** Steps that depend on earlier ones only, so that there is no cycle. */
const workflows = fc
  .array(
    fc.record({
      before: fc.array(fc.nat(20), { maxLength: 4 }),
      runsOn: fc.constantFrom<Scheduled['runsOn'][]>(
        ['success'],
        ['failure'],
        ['success', 'failure'],
      ),
      fails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((list) =>
    list.map(({ before, runsOn, fails }, index) => ({
      ...step(
        `s${index}`,
        [...new Set(before.filter((at) => at < index).map((at) => `s${at}`))],
        runsOn,
      ),
      fails,
    })),
  );

test('every workflow comes to its end, and which steps run does not hang on which is faster', () => {
  fc.assert(
    fc.property(workflows, fc.infiniteStream(fc.nat(1000)), (steps, pick) => {
      const run = (choose: (count: number) => number): Map<string, StepState> => {
        const states = new Map<string, StepState>();
        for (;;) {
          const { start, skip } = nextSteps(steps, states);
          for (const { name } of start) states.set(name, 'running');
          for (const name of skip) states.set(name, 'skipped');
          const running = steps.filter(({ name }) => states.get(name) === 'running');
          const ended = running[choose(running.length)];
          if (ended === undefined) return states;
          states.set(ended.name, ended.fails ? 'failed' : 'passed');
        }
      };
      const ends = run(() => 0);
      assert.equal(ends.size, steps.length);
      assert.deepEqual(
        run((count) => (count === 0 ? 0 : Number(pick.next().value) % count)),
        ends,
      );
    }),
  );
});
