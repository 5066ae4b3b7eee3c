/** What is remembered of a commit's files answers for that commit alone, and for whatever policy is in force. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { releasePath } from '@airlock/pipeline/release-file';
import { planMain } from '@airlock/pipeline/run-plan';
import * as fc from 'fast-check';
import { planFault, type PlannedBundle } from './derive-plan.ts';
import { wishOf } from './verify-again.ts';

const pipeline = '.woodpecker/build.yaml';
const commits = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)] as const;
const textAt = (commit: string): string =>
  `steps:\n  - { name: build, image: i, commands: [make ${commit.slice(0, 4)}] }\n`;

const releaseAt = (commit: string): string => `version: 1
artifacts:
  web:
    workflow: build
    path: dist/web.tar.gz
    maxSize: 20MiB
    reproduce: ${commit.startsWith('a') ? 2 : 1}
releases:
  web:
    artifacts: [web]
    version: "main-\${CI_COMMIT_SHA:0:12}"
    promote:
      - target: prod-eu
`;

/** A mirror that has these commits, and counts what it is asked for. */
function mirrorOf(has: Set<string>) {
  const asked = { reads: 0 };
  const at = (commit: string, path: string): Buffer | null => {
    if (!has.has(commit)) return null;
    if (path === pipeline) return Buffer.from(textAt(commit));
    return path === releasePath ? Buffer.from(releaseAt(commit)) : null;
  };
  return {
    asked,
    listFiles: (commit: string, directory: string): Promise<string[]> =>
      Promise.resolve(directory === '.woodpecker' && has.has(commit) ? [pipeline] : []),
    readBlob(commit: string, path: string): Promise<Buffer | null> {
      asked.reads += 1;
      return Promise.resolve(at(commit, path));
    },
  };
}

const image = (of: number): string => String(of).repeat(64);

/** A policy of the given runner images; what else a target file says is not looked at here. */
const policyOf = (images: readonly number[]): Pick<TargetPolicy, 'admits'> => ({
  // Only `builders.images` is read.
  admits: [
    { builders: { images: images.map((of) => `sha256:${image(of)}`) } },
  ] as unknown as TargetPolicy['admits'],
});

function digestAt(commit: string): string {
  const planned = planMain({
    pipelines: [{ path: pipeline, text: textAt(commit) }],
    release: releaseAt(commit),
  });
  return planned.kind === 'run' ? planDigest(planned.plan) : assert.fail(JSON.stringify(planned));
}

const digests = new Map<string, string>(commits.map((commit) => [commit, digestAt(commit)]));

const bundleOf = (commit: string, ran: string, runner: number): PlannedBundle => ({
  ...{ commit, pipeline, releaseFile: releasePath },
  ...{ planDigest: digests.get(ran) ?? '', runnerImages: [image(runner)] },
});

test('whatever commits, plans, runners and policies are asked for in turn, the answer is that of a mirror read anew', async () => {
  const question = fc.record({
    commit: fc.constantFrom(...commits),
    ran: fc.constantFrom(...commits),
    runner: fc.integer({ min: 1, max: 3 }),
    allowed: fc.subarray([1, 2, 3]),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(question, { minLength: 2, maxLength: 8 }), async (questions) => {
      const warm = mirrorOf(new Set(commits));
      for (const { commit, ran, runner, allowed } of questions) {
        const [bundle, policy] = [bundleOf(commit, ran, runner), policyOf(allowed)];
        const fault = await planFault(warm, bundle, policy);
        assert.deepEqual(fault, await planFault(mirrorOf(new Set(commits)), bundle, policy));
        const expected =
          ran !== commit
            ? 'E_PLAN_DIGEST'
            : allowed.includes(runner)
              ? undefined
              : 'E_RUNNER_IMAGE';
        assert.equal(fault?.code, expected);
      }
      const { reads } = warm.asked;
      for (const { commit, ran } of questions) {
        await planFault(warm, bundleOf(commit, ran, 1), policyOf([1]));
      }
      assert.equal(warm.asked.reads, reads);
    }),
    { numRuns: 8 },
  );
});

test('a commit that has not come yet is looked for again', async () => {
  const has = new Set<string>();
  const mirror = mirrorOf(has);
  const [commit] = commits;
  const bundle = bundleOf(commit, commit, 1);
  assert.equal((await planFault(mirror, bundle, policyOf([1])))?.code, 'E_PLAN_DIGEST');
  assert.equal(await wishOf(mirror, bundle), 1);
  has.add(commit);
  assert.equal(await planFault(mirror, bundle, policyOf([1])), null);
  assert.equal(await wishOf(mirror, bundle), 2);
});
