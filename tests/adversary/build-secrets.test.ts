/**
 * What a build is given to know stands nowhere but with the step that names it: the value goes through a real run, which
 * prints it in the ways that programs print, and is looked for wherever something is written down.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dumpOf, filesBelow, newCanary, placesWith, redisOf } from '../support/canary.ts';
import { runningPair } from '../support/pair.ts';
import { runWith } from '../support/runs.ts';

const author = { name: 'Dana Okafor', email: 'dana@demo.airlock.example' };
const filters = { events: ['push'], protectedOnly: false, leastTrust: 0 };
const ended = new Set(['passed', 'failed', 'cancelled']);

const pipeline = (secret: string): string => `steps:
  use:
    image: shop-builder
    environment:
      TOKEN: { from_secret: ${secret} }
    commands:
      - echo "plain $TOKEN"; echo "quoted '$TOKEN'"
      - printf %s "$TOKEN" | base64 -w0; echo
      - printf "x%s" "$TOKEN" | base64 -w0; echo
      - printf "xy%s" "$TOKEN" | base64 -w0; echo
      - printf %s "$TOKEN" | od -An -tx1 -v | tr -d ' \\n'; echo
      - printf %s "$TOKEN" | od -An -tx1 -v | tr -d ' \\n' | tr a-f A-F; echo
      - printf %s "$TOKEN" | cut -c1-7 | tr -d '\\n'; sleep 0.3; printf %s "$TOKEN" | cut -c8-
      - echo "{\\"token\\":\\"$TOKEN\\"}"; echo "https://u:$TOKEN@registry.example/"
      - printf %s "$TOKEN" | sha256sum
      - sleep 3
  other:
    image: shop-builder
    commands:
      - '[ -z "$TOKEN" ]'
      - mkdir -p dist && tar -czf dist/shop-api.tar.gz products.json
`;

test('a secret goes through a run that prints it in every way, and stands in no row, key, file, argument or environment of a process outside', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const canary = newCanary();
  const set = { name: 'BUILD_CANARY', value: canary, description: '', lowValue: true, filters };
  await oke.postJson('/api/v1/secrets', set);
  const commit = await pair.repository.commit({
    ...{ message: 'Use a secret', author, ref: 'refs/heads/uses-a-secret' },
    files: { '.woodpecker.yaml': pipeline('BUILD_CANARY') },
  });

  const seen = { inside: 0, outside: new Set<string>() };
  const looking = new AbortController();
  const look = (async () => {
    while (!looking.signal.aborted) {
      lookAtProcesses(canary, seen);
      await delay(50);
    }
  })();
  const run = await runWith(pair, commit, ({ state }) => ended.has(state));
  looking.abort();
  await look;
  const jobs = await pair.query<{ reason: string | null }>(
    'nonprod',
    'select reason from job where run_id = $1',
    [run.id],
  );
  assert.equal(run.state, 'passed', JSON.stringify(jobs));
  // The look can see: the step itself has it.
  assert.ok(seen.inside > 0);
  assert.deepEqual([...seen.outside], []);

  const places = [
    ...(await dumpOf(pair, 'nonprod')),
    ...(await dumpOf(pair, 'gate')),
    await redisOf(pair.redis.nonprod.url),
  ];
  assert.deepEqual(placesWith(canary, places), []);
  assert.deepEqual(placesWith(canary, filesBelow(pair.layout.directory)), []);

  const { reads } = (await oke.getJson('/api/v1/secrets/BUILD_CANARY')) as {
    reads: { run: string; step: string; version: number }[];
  };
  assert.deepEqual(
    reads.map((read) => [read.run, read.step, read.version]),
    [[run.id, 'use', 1]],
  );
});

test('a step that may not have what it names is not started, and the run says which rule', async () => {
  const pair = await runningPair();
  const oke = await pair.signIn('nonprod', 'oke');
  const canary = newCanary();
  // As a new secret is: for protected branches.
  const set = { name: 'MAIN_ONLY', value: canary, description: '', lowValue: true };
  await oke.postJson('/api/v1/secrets', set);
  const commit = await pair.repository.commit({
    ...{ message: 'Ask for too much', author, ref: 'refs/heads/asks-for-too-much' },
    files: { '.woodpecker.yaml': pipeline('MAIN_ONLY') },
  });
  const run = await runWith(pair, commit, ({ state }) => ended.has(state));
  assert.equal(run.state, 'failed');
  const [job] = await pair.query<{ reason: string | null; state: string }>(
    'nonprod',
    'select j.reason, s.state from job j join step s on s.job_id = j.id where j.run_id = $1 order by s.position',
    [run.id],
  );
  assert.match(
    job?.reason ?? '',
    /^Step use was not started: secret MAIN_ONLY is for protected branches and tags, and asks-for-too-much is none/,
  );
  assert.equal(job?.state, 'skipped');
});

/** A process of a sandbox has a number of its own there; what it has in its environment is what it was given. */
function lookAtProcesses(
  canary: string,
  seen: { inside: number; readonly outside: Set<string> },
): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const numbers = /^NSpid:(.*)$/m
      .exec(textOf(`/proc/${pid}/status`))?.[1]
      ?.trim()
      .split(/\s+/);
    for (const file of ['cmdline', 'environ']) {
      if (!textOf(`/proc/${pid}/${file}`).includes(canary)) continue;
      if (file === 'environ' && (numbers?.length ?? 1) > 1) seen.inside += 1;
      else seen.outside.add(`${file} of ${textOf(`/proc/${pid}/comm`).trim()}`);
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone since it was listed, or not ours.
    return '';
  }
}
