import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewest, unusual, type Measures } from './baseline.ts';

/** Numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Builds of a team: some minutes with a tail, an artifact that grows, working hours in UTC. The newest first. */
function builds(seed: number, count: number): Measures[] {
  const random = randomOf(seed);
  const around = (): number => (random() + random() + random() + random() - 2) / 2;
  return Array.from({ length: count }, (_, day): Measures => {
    const hour = 7 + Math.floor(random() * 12);
    return {
      at: new Date(Date.UTC(2026, 0, 1 + day, hour, Math.floor(random() * 60))),
      seconds: Math.round(240 * Math.exp(0.5 * around())),
      artifactBytes: Math.round(5_000_000 + day * 4000 + 200_000 * around()),
      hosts: random() < 0.7 ? ['registry.npmjs.org'] : ['registry.npmjs.org', 'github.com'],
      images: ['node:24'],
    };
  }).reverse();
}

test('of 200 normal builds none is unusual, in 50 teams', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const all = builds(seed, 200);
    const flagged = all.flatMap((build, index) => unusual(build, all.slice(index + 1)));
    assert.deepEqual(flagged, [], `seed ${seed}`);
  }
});

test('what was seeded into the same builds is unusual, each by its rule, with the figure beside what is usual', () => {
  const [newest, ...before] = builds(7, 201);
  assert.ok(newest);
  const seeded: readonly (readonly [string, Partial<Measures>])[] = [
    ['duration', { seconds: 3600 }],
    ['duration', { seconds: 1 }],
    ['artifact-size', { artifactBytes: 80_000_000 }],
    ['artifact-size', { artifactBytes: 10 }],
    ['new-host', { hosts: ['registry.npmjs.org', 'files.example'] }],
    ['new-image', { images: ['node:24', 'stranger/tool'] }],
    ['odd-hour', { at: new Date('2026-12-01T01:30:00Z') }],
  ];
  for (const [rule, change] of seeded) {
    const flags = unusual({ ...newest, ...change }, before);
    assert.deepEqual(
      flags.map((flag) => [flag.kind, flag.rule]),
      [['unusual', rule]],
    );
  }
  const [flag] = unusual({ ...newest, seconds: 3600 }, before);
  assert.match(flag?.text ?? '', /^Its duration is 3600 s; usual are 2\d\d s, .* by 200 jobs/);
});

test('nothing is unusual before there are enough to compare with', () => {
  const odd = { ...builds(3, 1)[0], seconds: 86_400, hosts: ['new.example'] } as Measures;
  assert.deepEqual(unusual(odd, builds(3, fewest - 1)), []);
  assert.equal(unusual(odd, builds(3, fewest)).length, 2);
});

test('a few odd builds do not make the next one usual', () => {
  const [newest, ...before] = builds(9, 101);
  assert.ok(newest);
  const odd = { ...newest, seconds: 7200 };
  const taught = before.map((build, index) => (index < 20 ? { ...build, seconds: 7200 } : build));
  assert.deepEqual(
    unusual(odd, taught).map(({ rule }) => rule),
    ['duration'],
  );
});

test('where every build asks for something new, something new is usual', () => {
  const before = builds(11, 100).map((build, n) => ({ ...build, hosts: [`h${n}.example`] }));
  const now = { ...builds(11, 1)[0], hosts: ['h1000.example'] } as Measures;
  assert.deepEqual(unusual(now, before), []);
});
