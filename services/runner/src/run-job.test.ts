import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commitWords } from '@airlock/common/commit-words';
import { intotoPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { verifyEnvelope } from '@airlock/common/dsse/verify';
import { readRunAttestation } from '@airlock/common/intoto/run';
import { parseStatement } from '@airlock/common/intoto/statement';
import { importTrust, keyIdOf } from '@airlock/common/trust/signer';
import type { Job, JobReport } from '@airlock/common/wire/runner-protocol';
import { planDigest } from '@airlock/pipeline/plan-digest';
import type { Log } from '@airlock/process/log';
import { probeSandbox } from '@airlock/sandbox/probe';
import { ControlPlaneError } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';
import { bubblewrapIsolation } from '@airlock/build/isolation/bubblewrap';
import { defaultLimits } from '@airlock/build/isolation/limits';
import { noIsolation } from '@airlock/build/isolation/none';
import type { Attester } from './attest.ts';
import { planStep, runFacts, runPlan } from '@airlock/common/testing/plans';
import { createBaitWatch } from './bait-watch.ts';
import { createDayBudget, type DayLimits } from './day-budget.ts';
import { runJob } from './run-job.ts';
import type { Isolation } from '@airlock/build/isolation/isolation';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const plenty: DayLimits = {
  ...{ builds: 10_000, minutes: 1440 },
  repository: { builds: 10_000, minutes: 1440 },
};
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The commit that jobs are of. */
const built: { commit: string; object: Buffer } = { commit: '', object: Buffer.alloc(0) };

/** Nonprod's side of the wire, kept in memory. */
function nonprod(source: Buffer) {
  const seen = {
    heartbeats: 0,
    log: '',
    report: null as Omit<JobReport, 'lease'> | null,
    uploads: [] as { name: string; bytes: Buffer; digest: string }[],
    reports: [] as [kind: string, name: string, text: string][],
  };
  const state = { leaseHolds: true, cancelled: false, takesLogs: true };
  const check = (): void => {
    if (!state.leaseHolds) throw new ControlPlaneError('lease-lost', 'given to another');
  };
  const api: ControlPlane = {
    lease: () => Promise.resolve(null),
    heartbeat: async () => {
      seen.heartbeats += 1;
      await Promise.resolve();
      check();
      return { cancelled: state.cancelled };
    },
    appendLog: async (_, chunk) => {
      await Promise.resolve();
      check();
      if (!state.takesLogs) {
        throw new ControlPlaneError('control-plane-refused', 'nonprod knows no such step');
      }
      const sent = Buffer.concat(chunk.bytes);
      seen.log += sent.toString();
      return chunk.offset + sent.length;
    },
    source: () => Promise.resolve(Readable.from([source])),
    secrets: () =>
      Promise.reject(new ControlPlaneError('control-plane-refused', 'no secrets here')),
    cache: () => Promise.resolve(null),
    keepCache: () => Promise.resolve({ why: null }),
    uploadArtifact: async (_, { name, path, digest }) => {
      await Promise.resolve();
      check();
      seen.uploads.push({ name, bytes: readFileSync(path), digest });
    },
    uploadReport: (_, { kind, name, path }) => {
      seen.reports.push([kind, name, readFileSync(path, 'utf8')]);
      return Promise.resolve(name.includes('cut') ? 'it is cut short' : null);
    },
    report: async (_, report) => {
      await Promise.resolve();
      check();
      seen.report = report;
    },
  };
  return { api, seen, state };
}

type Changes = Partial<Omit<Job, 'plan'>> & {
  artifact?: Omit<NonNullable<Job['plan']['artifact']>, 'workflow'> | null;
};

function job(commands: string[][], { artifact = null, ...changes }: Changes = {}): Job {
  return {
    jobId: 'job_0000000000',
    runId: 'run_0000000000',
    lease: 1,
    leaseSeconds: 30,
    timeoutSeconds: 30,
    invocationId: 'https://nonprod.example/runs/run_0000000000',
    pipeline: '.woodpecker.yaml',
    workflow: { name: 'woodpecker', instance: 0 },
    run: runFacts({
      ...{ repositoryUrl: 'https://git.example/org/app', commit: built.commit },
      ...commitWords(built.object),
    }),
    commitObject: built.object.toString('base64'),
    plan: runPlan(
      commands.map((list, index) =>
        planStep(`step-${index + 1}`, {
          image: 'shop-builder',
          commands: list,
          environment: { SHORT: '${CI_COMMIT_SHA:0:8}' },
        }),
      ),
      { artifact: artifact === null ? null : { workflow: 'woodpecker', ...artifact } },
    ),
    maxArtifactBytes: 1_000_000,
    ...changes,
  };
}

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const attester: Attester = {
  runner: 'runner-1',
  key: { keyid: keyIdOf(publicKey), privateKey },
};
const machineImage = 'e'.repeat(64);

/** Reads an attestation as the signer does. */
function attested(line: string | null | undefined) {
  assert.ok(line);
  const trust = importTrust([
    {
      keyid: attester.key.keyid,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      alg: 'ed25519',
      roles: ['run'],
      builderIds: [],
      notBefore: '2020-01-01T00:00:00Z',
      notAfter: '2100-01-01T00:00:00Z',
    },
  ]);
  const now = new Date();
  const envelope = parseEnvelope(Buffer.from(line), intotoPayloadType);
  const statement = parseStatement(
    verifyEnvelope(envelope, trust, { receivedAt: now, now }).payload,
  );
  return { subject: statement.subject, run: readRunAttestation(statement) };
}

const modes: [string, Isolation, string | null][] = [
  ['bubblewrap', bubblewrapIsolation({ nodeBinary: null }), missing],
  ['none', noIsolation(null), null],
];

for (const [mode, isolation, absent] of modes) {
  describe(`a job (${mode})`, { skip: absent === null ? false : `NOT TESTED: ${absent}` }, () => {
    let directory: string;
    let source: Buffer;
    let unpacked: { tree: string; time: number };

    before(() => {
      mkdirSync('.test', { recursive: true });
      directory = mkdtempSync(join(process.cwd(), '.test', 'runner-'));
      const tree = join(directory, 'tree');
      mkdirSync(tree);
      writeFileSync(join(tree, 'hello.txt'), 'hello from git\n');
      symlinkSync('/etc/passwd', join(tree, 'link'));
      const git = (...args: string[]): Buffer =>
        execFileSync('git', ['-C', tree, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args]);
      git('init', '--quiet');
      git('add', '.');
      git('commit', '--quiet', '-m', 'one');
      source = git('-c', 'tar.umask=0022', 'archive', '--format=tar', 'HEAD');
      const [id = '', time] = git('show', '-s', '--format=%T %ct').toString().trim().split(' ');
      unpacked = { tree: id, time: Number(time) };
      built.commit = git('rev-parse', 'HEAD').toString().trim();
      built.object = git('cat-file', 'commit', 'HEAD');
    });
    after(() => {
      rmSync(directory, { recursive: true });
    });

    function run(
      what: Job,
      bytes = source,
      stopping = new AbortController().signal,
      limits = defaultLimits,
      budget: DayLimits = plenty,
    ) {
      const { api, seen, state } = nonprod(bytes);
      const workDirectory = mkdtempSync(join(directory, 'work-'));
      const running = runJob(
        {
          controlPlane: api,
          isolation,
          attester,
          egress: null,
          bait: createBaitWatch(),
          budget: createDayBudget(`${workDirectory}.json`, budget, () => new Date()),
          machineImage,
          ...{ workDirectory, limits },
          log: silent,
          now: () => new Date(),
        },
        what,
        stopping,
      );
      return { running, seen, state, workDirectory };
    }

    test('runs its steps in order on the source, shows what it does, reports and leaves nothing', async () => {
      const { running, seen, workDirectory } = run(
        job([
          ['cat hello.txt', 'mkdir out && echo $SHORT ${CI_COMMIT_SHA:0:4} > out/sha'],
          [
            'cat out/sha',
            'test "$HOME" = "$CI_WORKSPACE"',
            'pwd -P > out/where; cd "$HOME"; test "$(pwd -P)" = "$(cat out/where)"',
          ],
        ]),
      );
      assert.equal(await running, 'reported');
      assert.equal(seen.report?.outcome, 'passed');
      assert.equal(seen.report.reason, null);
      assert.deepEqual(
        seen.report.steps.map(({ outcome, exitCode }) => [outcome, exitCode]),
        [
          ['passed', 0],
          ['passed', 0],
        ],
      );
      assert.match(seen.log, /^image shop-builder: .*\n\+ cat hello\.txt\nhello from git\n/);
      const { commit } = built;
      assert.ok(seen.log.includes(`+ cat out/sha\n${commit.slice(0, 8)} ${commit.slice(0, 4)}\n`));
      assert.deepEqual(readdirSync(workDirectory), []);
      assert.equal(seen.report.isolation.mode, mode);
      assert.equal(seen.report.isolation.enforced.includes('no-network'), mode === 'bubblewrap');
    });

    test('whose workspace cannot be made is let go of, so that its lease ends and another runner takes it', async () => {
      // No file system has so many files in so few bytes, and only root gets as far as that.
      const impossible = { ...defaultLimits, workspace: 'walled', workspaceFiles: 1e9 } as const;
      const quick = { ...job([['true']]), leaseSeconds: 0.3 };
      const { running, seen, workDirectory } = run(quick, source, undefined, impossible);
      await assert.rejects(running);
      // One may be under way.
      await sleep(200);
      const { heartbeats } = seen;
      await sleep(600);
      assert.equal(seen.heartbeats, heartbeats);
      assert.equal(seen.report, null);
      assert.deepEqual(readdirSync(workDirectory), []);
    });

    test('its bait lies in its environment and its home, where git sees none of it, and is told of when its log would show it', async () => {
      const [id, key] = [`AKIA${'Q7'.repeat(8)}`, `npm_${'Zk9'.repeat(12)}`];
      const bait: NonNullable<Job['bait']> = [
        { name: 'cloud-key-id', value: id },
        { name: 'cloud-key', value: 'aB3/'.repeat(10) },
        { name: 'registry-key', value: key },
      ];
      const quiet = [
        'test "$DEPLOY_AWS_ACCESS_KEY_ID" = "$(sed -n s/aws_access_key_id.=.//p ~/.aws/credentials)"',
      ];
      const honest = run({ ...job([[...quiet, 'git status --porcelain']]), bait });
      await honest.running;
      assert.equal(honest.seen.report?.outcome, 'passed', honest.seen.log);
      assert.ok(honest.seen.log.endsWith('+ git status --porcelain\n'), honest.seen.log);
      assert.deepEqual(honest.seen.report.baitSeen, []);
      const thief = run({
        ...job([['true'], ['printenv DEPLOY_AWS_ACCESS_KEY_ID; base64 ~/.docker/config.json']]),
        bait,
      });
      await thief.running;
      assert.ok(!thief.seen.log.includes(id), thief.seen.log);
      assert.deepEqual(
        thief.seen.report?.baitSeen,
        (['cloud-key-id', 'registry-key'] as const).map((name) => ({
          ...{ bait: name, where: 'log', name: 'step-2' },
        })),
      );
    });

    test('its steps have a clean git checkout of the commit, except where nothing is cloned', async () => {
      const what = job([['git rev-parse HEAD', 'git status --porcelain']]);
      const { running, seen } = run(what);
      await running;
      assert.ok(
        seen.log.endsWith(`+ git rev-parse HEAD\n${built.commit}\n+ git status --porcelain\n`),
        seen.log,
      );
      const bare = job([['ls -A']]);
      const without = {
        ...bare.plan,
        workflows: bare.plan.workflows.map((one) => ({ ...one, clone: null })),
      };
      const empty = run({ ...bare, plan: without });
      await empty.running;
      assert.ok(empty.seen.log.endsWith('+ ls -A\n'), empty.seen.log);
    });

    test('a commit that is another than the one that was asked for runs nothing', async () => {
      const what = job([['true']]);
      const { running, seen } = run({ ...what, run: { ...what.run, commit: 'b'.repeat(40) } });
      await running;
      assert.match(
        seen.report?.reason ?? '',
        /what was sent as commit b{40} is another object; nothing of it was started$/,
      );
      assert.equal(seen.report?.steps[0]?.outcome, 'skipped');
    });

    for (const [what, lie] of [
      ['message', { subject: 'chore: skip the checks' }],
      ['author', { authorName: 'Mira' }],
      ['author’s address', { authorEmail: 'mira@example.com' }],
    ] as const) {
      test(`a job that tells its steps another ${what} than its commit has runs nothing`, async () => {
        const told = job([['touch ran']]);
        const { running, seen } = run({ ...told, run: { ...told.run, ...lie } });
        await running;
        assert.match(
          seen.report?.reason ?? '',
          /^nonprod tells the steps CI_COMMIT_\w+="[^"]+", and commit [0-9a-f]{40} says "(?:one|a|a@b)"/,
        );
        assert.equal(seen.report?.steps[0]?.outcome, 'skipped');
      });
    }

    test('a step that fails ends it, and the steps after it are skipped', async () => {
      const { running, seen } = run(job([['exit 4'], ['echo never']]));
      await running;
      assert.deepEqual(
        seen.report?.steps.map(({ outcome, exitCode }) => [outcome, exitCode]),
        [
          ['failed', 4],
          ['skipped', null],
        ],
      );
      assert.equal(seen.report.outcome, 'failed');
      assert.ok(!seen.log.includes('never'));
    });

    test('reports of steps that ran are sent, of one that failed too, and what is wrong with them is in the log', async () => {
      const work = job([
        ['mkdir -p out', 'echo one > out/a.xml', 'echo two > out/cut.xml', 'echo no > out/a.txt'],
        ['ln -s /etc/passwd out/link.xml', 'exit 4'],
        ['echo never'],
      ]);
      const globs = ['out/*.xml', 'nowhere/*.xml', 'never.xml'];
      for (const [index, step] of work.plan.workflows[0]?.steps.entries() ?? []) {
        step.reports = [{ kind: 'junit', glob: globs[index] ?? '' }];
      }
      const { running, seen } = run(work);
      await running;
      assert.equal(seen.report?.outcome, 'failed');
      assert.deepEqual(seen.reports, [
        ['junit', 'out/a.xml', 'one\n'],
        ['junit', 'out/cut.xml', 'two\n'],
      ]);
      assert.match(seen.log, /reports: out\/cut.xml cannot be read as junit: it is cut short/);
      assert.match(seen.log, /reports: no file matches nowhere\/\*\.xml/);
      assert.ok(!seen.log.includes('never.xml'));
    });

    test('begins nothing beyond its own budget, whatever nonprod gives it, and says so', async () => {
      const { running, seen } = run(job([['echo built']]), source, undefined, defaultLimits, {
        ...plenty,
        builds: 0,
      });
      assert.equal(await running, 'reported');
      assert.match(seen.report?.reason ?? '', /0 builds a day, and they are used up/);
      assert.deepEqual(
        [seen.report?.outcome, seen.report?.steps.map(({ outcome }) => outcome), seen.log],
        ['failed', ['skipped'], ''],
      );
    });

    test('the time is for all steps together', async () => {
      const { running, seen } = run(job([['sleep 0.3'], ['sleep 30']], { timeoutSeconds: 1 }));
      await running;
      assert.deepEqual(
        seen.report?.steps.map(({ outcome }) => outcome),
        ['passed', 'timed-out'],
      );
      assert.match(seen.report.reason ?? '', /step-2 was ended: all steps together may take 1 s/);
    });

    test('its artifact is uploaded under the digest of the bytes that were read', async () => {
      const artifact = { name: 'app.tar', path: 'out/app.tar', maxBytes: 1_000_000 };
      const command = 'mkdir out; head -c 200000 /dev/zero > out/app.tar';
      const { running, seen } = run(job([[command]], { artifact }));
      await running;
      const digest = createHash('sha256').update(Buffer.alloc(200_000)).digest('hex');
      assert.deepEqual(seen.report?.artifact, { name: 'app.tar', digest, size: 200_000 });
      assert.equal(seen.uploads[0]?.digest, digest);
      assert.equal(seen.uploads[0].bytes.length, 200_000);
    });

    test('it signs the artifact that it hashed, the tree that it unpacked, the plan that it ran and the commit, with its own key', async () => {
      const artifact = { name: 'app.tar', path: 'out/app.tar', maxBytes: null };
      const what = job([['mkdir out; echo hello > out/app.tar']], { artifact });
      const before = Date.now();
      const { running, seen } = run(what);
      await running;
      const { subject, run: said } = attested(seen.report?.attestation);
      const sha256 = createHash('sha256').update('hello\n').digest('hex');
      assert.deepEqual(subject, { name: 'app.tar', sha256 });
      const { startedOn, finishedOn, isolation: kept, ...rest } = said;
      assert.deepEqual(rest, {
        repository: 'https://git.example/org/app',
        ref: 'refs/heads/main',
        commit: built.commit,
        source: unpacked,
        pipeline: '.woodpecker.yaml',
        plan: planDigest(what.plan),
        image: machineImage,
        given: { event: 'push', variables: [] },
        invocationId: what.invocationId,
        runner: 'runner-1',
      });
      assert.equal(kept.mode, mode);
      assert.equal(kept.enforced.includes('no-network'), mode === 'bubblewrap');
      assert.ok(Date.parse(startedOn) >= before - 1000);
      assert.ok(Date.parse(finishedOn) >= Date.parse(startedOn));
    });

    test('it signs what nonprod told the steps beside the commit and the plan', async () => {
      const artifact = { name: 'app.tar', path: 'app.tar', maxBytes: null };
      const what = job([['echo $CFLAGS > app.tar']], { artifact });
      const { running, seen } = run({
        ...what,
        run: { ...what.run, event: 'manual', tag: 'v1', variables: { CFLAGS: '-O0' } },
      });
      await running;
      assert.deepEqual(attested(seen.report?.attestation).run.given, {
        event: 'manual',
        variables: ['CFLAGS', 'CI_COMMIT_TAG'],
      });
    });

    test('it signs nothing of a job that failed or kept no artifact', async () => {
      const artifact = { name: 'app.tar', path: 'app.tar', maxBytes: null };
      for (const what of [job([['true']]), job([['touch app.tar; exit 1']], { artifact })]) {
        const { running, seen } = run(what);
        await running;
        assert.equal(seen.report?.attestation, null);
      }
    });

    test('an artifact larger than nonprod keeps fails the job, whatever the plan allows', async () => {
      const artifact = { name: 'a', path: 'a', maxBytes: 5000 };
      const what = job([['head -c 1001 /dev/zero > a']], { artifact, maxArtifactBytes: 1000 });
      const { running, seen } = run(what);
      await running;
      assert.match(seen.report?.reason ?? '', /a has more than 1000 bytes/);
    });

    test('an artifact that is absent, a link, a pipe, a directory or too large fails the job with the reason', async () => {
      const cases: [command: string, path: string, reason: RegExp][] = [
        ['true', 'absent', /absent is not a regular file/],
        ['true', 'link', /link is not a regular file/],
        ['mkfifo pipe', 'pipe', /pipe is not a regular file/],
        ['mkdir out', 'out', /out is not a regular file/],
        ['head -c 1001 /dev/zero > large', 'large', /large has more than 1000 bytes/],
      ];
      for (const [command, path, reason] of cases) {
        const artifact = { name: 'a', path, maxBytes: 1000 };
        const { running, seen } = run(job([[command]], { artifact }));
        await running;
        assert.equal(seen.report?.outcome, 'failed', path);
        assert.match(seen.report.reason ?? '', reason);
        assert.deepEqual([seen.report.artifact, seen.uploads], [null, []]);
      }
    });

    test('a lost lease ends everything at once and nothing is reported', async () => {
      const { running, seen, state, workDirectory } = run(
        job([['echo started; sleep 60']], { leaseSeconds: 1 }),
      );
      while (!seen.log.includes('started\n')) await sleep(20);
      const lostAt = performance.now();
      state.leaseHolds = false;
      assert.equal(await running, 'lease-lost');
      assert.ok(performance.now() - lostAt < 2000);
      assert.equal(seen.report, null);
      assert.deepEqual(readdirSync(workDirectory), []);
    });

    test('a job whose log nonprod refuses fails and says why, and nothing is attested of it', async () => {
      const { running, seen, state } = run(job([['echo x']]));
      state.takesLogs = false;
      assert.equal(await running, 'reported');
      assert.equal(seen.report?.outcome, 'failed');
      assert.equal(seen.report.reason, 'nonprod knows no such step');
      assert.equal(seen.report.attestation, null);
    });

    test('a runner that is stopped ends the job and says nothing: it is run again', async () => {
      const stopping = new AbortController();
      const { running, seen } = run(job([['echo started; sleep 60']]), source, stopping.signal);
      while (!seen.log.includes('started\n')) await sleep(20);
      stopping.abort();
      assert.equal(await running, 'stopped');
      assert.equal(seen.report, null);
    });

    const isAsked = mode !== 'none';
    test(`a step of a cancelled run ${isAsked ? 'tidies up, and its log says so' : 'is killed at once'}`, async () => {
      const { running, seen, state } = run(
        job([[`trap 'echo tidied up; exit 0' TERM`, 'echo begun', 'sleep 30 & wait']], {
          leaseSeconds: 1,
        }),
      );
      while (!seen.log.includes('begun\n')) await sleep(20);
      state.cancelled = true;
      await running;
      assert.equal(/tidied up\n/.test(seen.log), isAsked);
      assert.equal(seen.report?.steps[0]?.outcome, 'cancelled');
    });

    test('a job of a cancelled run ends what it runs, keeps nothing and reports', async () => {
      const { running, seen, state } = run(
        job([['echo started; sleep 60'], ['echo never']], { leaseSeconds: 1 }),
      );
      while (!seen.log.includes('started\n')) await sleep(20);
      const cancelledAt = performance.now();
      state.cancelled = true;
      assert.equal(await running, 'reported');
      assert.ok(performance.now() - cancelledAt < 5000);
      assert.equal(seen.report?.outcome, 'failed');
      assert.equal(seen.report.reason, 'The run was cancelled.');
      assert.deepEqual(
        seen.report.steps.map(({ outcome }) => outcome),
        ['cancelled', 'skipped'],
      );
      assert.doesNotMatch(seen.log, /never/);
    });

    test('a source that is no archive fails the job before anything is unpacked', async () => {
      const { running, seen } = run(job([['true']]), Buffer.alloc(2000, 'x'));
      await running;
      assert.equal(seen.report?.outcome, 'failed');
      assert.match(
        seen.report.reason ?? '',
        /source of [0-9a-f]{40} could not be unpacked: a header is not as git writes it/,
      );
      assert.equal(seen.report.steps[0]?.outcome, 'skipped');
    });

    test('a directory that the build made unwritable is removed all the same', async () => {
      const { running, workDirectory } = run(
        job([['mkdir -p cache/mod; touch cache/mod/file; chmod -R a-w cache; chmod 0 cache']]),
      );
      assert.equal(await running, 'reported');
      assert.deepEqual(readdirSync(workDirectory), []);
    });

    if (mode === 'bubblewrap') {
      test('an archive cannot write outside of the workspace, through names or links', async () => {
        const outside = join(directory, 'outside');
        const script = `
          cd "$1" && mkdir evil && cd evil && ln -s ${outside} out && tar -cf ../evil.tar out && rm out && mkdir out &&
          echo x > out/file && tar -rf ../evil.tar out/file && tar -rPf ../evil.tar --transform 's,^,../../,' out/file`;
        execFileSync('/bin/sh', ['-c', script, 'sh', directory], { stdio: 'ignore' });
        const { running } = run(job([['true']]), readFileSync(join(directory, 'evil.tar')));
        await running;
        assert.ok(!existsSync(outside));
        assert.ok(!existsSync(join(directory, 'out')));
      });

      test('nothing but the workspace goes from one step to the next', async () => {
        const { running, seen } = run(
          job([
            ['echo x > /tmp/kept; sleep 300 &'],
            ['ls -A /tmp', 'grep -l sleep /proc/[0-9]*/comm || echo alone'],
          ]),
        );
        await running;
        assert.match(seen.log, /\+ ls -A \/tmp\n\+ grep[^\n]*\nalone\n$/);
      });
    }
  });
}
