import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, test } from 'node:test';
import { commitWords } from '@airlock/common/commit-words';
import { bubblewrapIsolation } from '@airlock/build/isolation/bubblewrap';
import { defaultLimits } from '@airlock/build/isolation/limits';
import { secretNamesIn } from '@airlock/common/wire/plan-secrets';
import { planStep, runFacts, runPlan } from '@airlock/common/testing/plans';
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import type { PlanStep } from '@airlock/common/wire/run-plan';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { packHandout } from '@airlock/envelope/handout';
import { newKey } from '@airlock/envelope/seal';
import { probeSandbox } from '@airlock/sandbox/probe';
import { ControlPlaneError } from './api/answers.ts';
import type { ControlPlane } from './api/control-plane.ts';
import { createBaitWatch } from './bait-watch.ts';
import { runJob } from './run-job.ts';

const probe = await probeSandbox();
const skip = probe.available ? false : `${probe.reason}; ${probe.remedy}`;
if (skip !== false && process.env['CI'] === 'true') assert.fail(skip);

const root = mkdtempSync(join(tmpdir(), 'airlock-step-secrets-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});
const repository = join(root, 'repository');
const git = (...args: string[]): Buffer => execFileSync('git', ['-C', repository, ...args]);
execFileSync('git', ['init', '-q', repository]);
writeFileSync(join(repository, 'tree'), 'tree\n');
git('add', 'tree');
git('-c', 'user.name=a', '-c', 'user.email=a@example.com', 'commit', '-q', '-m', 'tree');
const commit = git('rev-parse', 'HEAD').toString().trim();
const commitObject = git('cat-file', 'commit', 'HEAD');
const source = git('-c', 'tar.umask=0022', 'archive', 'HEAD');
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const attester = {
  runner: 'r1',
  key: { keyid: 'k', privateKey: generateKeyPairSync('ed25519').privateKey },
};

type Given = Readonly<Record<string, { readonly kind?: SecretKind; readonly value: string }>>;

/** Runs the steps against a nonprod in memory that hands out what each step names, or refuses. */
async function run(
  steps: readonly PlanStep[],
  given: Given,
  options: { artifact?: string; refuse?: string; while?: () => void } = {},
): Promise<{ report: Omit<JobReport, 'lease'>; log: string; asked: string[]; kept: number }> {
  const [jobId, runId, lease] = ['job_0000000000', 'run_0000000000', 3];
  const workDirectory = mkdtempSync(join(root, 'work-'));
  const pieces = new Map<string, Buffer[]>();
  const asked: string[] = [];
  const told: { report: Omit<JobReport, 'lease'> | null; kept: number } = { report: null, kept: 0 };
  const { artifact } = options;
  const plan = runPlan(steps, {
    artifact:
      artifact === undefined
        ? null
        : { workflow: 'woodpecker', name: artifact, path: artifact, maxBytes: null },
  });
  const api: ControlPlane = {
    lease: () => Promise.resolve(null),
    heartbeat: () => Promise.resolve({ cancelled: false }),
    appendLog: (_, { step, offset, bytes }) => {
      const sent = Buffer.concat(bytes);
      pieces.set(step, [...(pieces.get(step) ?? []), sent]);
      return Promise.resolve(offset + sent.length);
    },
    source: () => Promise.resolve(Readable.from([source])),
    secrets: (_, { step, publicKey }) => {
      asked.push(step);
      if (options.refuse !== undefined) {
        return Promise.reject(new ControlPlaneError('control-plane-refused', options.refuse));
      }
      const environment = steps.find(({ name }) => name === step)?.environment ?? {};
      const names = secretNamesIn(environment);
      const values = names.map((name) => ({ name, value: Buffer.from(given[name]?.value ?? '') }));
      const place = { run: runId, job: jobId, lease, step };
      const buildKey = newKey();
      const { key, boxes } = packHandout(place, { runner: 'r1', publicKey, buildKey, values });
      const secrets = boxes.map(({ name, box }) => {
        const kind = given[name]?.kind ?? 'value';
        return { name, kind, box: box.toString('base64') };
      });
      return Promise.resolve({ runner: 'r1', answer: { key: key.toString('base64'), secrets } });
    },
    cache: () => Promise.resolve(null),
    keepCache: () => Promise.resolve({ why: null }),
    uploadArtifact: () => {
      told.kept += 1;
      return Promise.resolve();
    },
    uploadReport: () => Promise.resolve(null),
    report: (_, report) => {
      told.report = report;
      return Promise.resolve();
    },
  };
  const looking = options.while === undefined ? null : setInterval(options.while, 20);
  await runJob(
    {
      ...{ controlPlane: api, attester, machineImage: 'ab'.repeat(32), workDirectory, log: silent },
      isolation: bubblewrapIsolation({ nodeBinary: null }),
      limits: defaultLimits,
      egress: null,
      bait: createBaitWatch(),
      budget: {
        begin: () => Promise.resolve({ seconds: 60 }),
        end: () => Promise.resolve(),
      },
      now: () => new Date(),
    },
    {
      ...{ jobId, runId, lease, leaseSeconds: 30, timeoutSeconds: 60, plan },
      invocationId: 'https://ci.example/runs/run_0000000000',
      pipeline: '.woodpecker.yaml',
      workflow: { name: 'woodpecker', instance: 0 },
      run: runFacts({ commit, ...commitWords(commitObject) }),
      commitObject: commitObject.toString('base64'),
      maxArtifactBytes: 1_000_000,
    },
    new AbortController().signal,
  );
  if (looking !== null) clearInterval(looking);
  assert.ok(told.report !== null);
  const log = [...pieces.values()].map((list) => Buffer.concat(list).toString()).join('');
  return { report: told.report, log, asked, kept: told.kept };
}

const value = `canary-${'0123456789abcdef'.repeat(2)}`;
const asking = (commands: string[], change: Partial<PlanStep> = {}): PlanStep =>
  planStep('use', { commands, environment: { TOKEN: { secret: 'NPM' } }, ...change });

test(
  'a step that names a secret has its value, one that does not has none of it',
  { skip },
  async () => {
    const check = `[ "$(printf %s "$TOKEN" | wc -c)" = ${value.length} ]`;
    const { report, asked, log } = await run(
      [
        asking([check]),
        planStep('other', { commands: ['! env | grep -q canary', '[ -z "$TOKEN" ]'] }),
      ],
      { NPM: { value } },
    );
    assert.equal(report.reason, null, log);
    assert.deepEqual(asked, ['use']);
  },
);

test(
  'what a step prints of its secret is masked, in the forms that programs print',
  { skip },
  async () => {
    const { report, log } = await run(
      [
        asking([
          'echo "plain $TOKEN"',
          'printf %s "$TOKEN" | base64 -w0; echo',
          'printf %s "$TOKEN" | od -An -tx1 -v | tr -d " \\n"; echo',
          'for i in c a; do printf %s "$TOKEN" | cut -c1-9; printf %s "$TOKEN" | cut -c10-; done | tr -d "\\n"; echo',
        ]),
      ],
      { NPM: { value } },
    );
    assert.equal(report.outcome, 'passed');
    assert.match(log, /plain \[masked\]\n/);
    const forms = [
      value,
      Buffer.from(value).toString('base64').slice(0, -4),
      Buffer.from(value).toString('hex'),
    ];
    for (const form of forms) assert.ok(!log.includes(form), log);
  },
);

test('a step whose secret is refused never starts, and the report says why', { skip }, async () => {
  const refuse = 'secret NPM is for push and not for cron';
  const { report, log } = await run([asking(['echo started'])], {}, { refuse });
  assert.equal(report.outcome, 'failed');
  assert.equal(report.reason, `step use: ${refuse}`);
  assert.doesNotMatch(log, /\+ echo started/);
});

test('a value that is too short to be masked is not given', { skip }, async () => {
  const { report } = await run([asking(['true'])], { NPM: { value: 'short' } });
  assert.match(report.reason ?? '', /NPM is too short to be kept out of the log/);
});

for (const [claim, commands, file] of [
  ['plainly', ['printf %s "x $TOKEN y" > out.bin'], 'out.bin'],
  ['in base64', ['(printf "ab"; printf %s "$TOKEN") | base64 -w0 > out.bin'], 'out.bin'],
  ['inside gzip', ['printf %s "$TOKEN" > f; tar -czf out.tar.gz f'], 'out.tar.gz'],
] as const) {
  test(
    `a kept file that holds a secret ${claim} is not kept, and the secret is named`,
    { skip },
    async () => {
      const { report, kept } = await run(
        [asking([...commands])],
        { NPM: { value } },
        { artifact: file },
      );
      assert.equal(report.outcome, 'failed');
      assert.match(report.reason ?? '', new RegExp(`^${file} holds the value of NPM`));
      assert.ok(!report.reason?.includes(value));
      assert.equal(kept, 0);
    },
  );
}

test('a kept file without one is kept', { skip }, async () => {
  const commands = ['printf %s "$TOKEN" | sha256sum > out.bin'];
  const { report, kept } = await run(
    [asking(commands)],
    { NPM: { value } },
    { artifact: 'out.bin' },
  );
  assert.deepEqual([report.outcome, kept], ['passed', 1]);
});

test(
  'while a step uses a secret, no process of this machine has it in its arguments, only the step’s own in their environment, and no file has it',
  { skip },
  async () => {
    const places = new Set<string>();
    let seenInside = 0;
    const look = (): void => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        if (textOf(`/proc/${pid}/cmdline`).includes(value)) places.add('arguments');
        const inside = textOf(`/proc/${pid}/status`)
          .match(/^NSpid:.*$/m)?.[0]
          .trim()
          .split(/\s+/);
        // A process of a sandbox has a number there too.
        const isOutside = inside?.length === 2;
        if (!textOf(`/proc/${pid}/environ`).includes(value)) continue;
        if (isOutside) places.add('environment');
        else seenInside += 1;
      }
      for (const path of filesBelow(root)) if (textOf(path).includes(value)) places.add('file');
    };
    const { report } = await run([asking(['sleep 1.5'])], { NPM: { value } }, { while: look });
    assert.equal(report.outcome, 'passed');
    // The look can see: it finds the value where it is meant to be.
    assert.ok(seenInside > 0);
    assert.deepEqual([...places], []);
  },
);

test(
  'a step uses an SSH key by its agent: signs with it, finds the key nowhere, and the agent ends with the step',
  { skip },
  async () => {
    const file = join(root, 'id');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'pass phrase', '-f', file]);
    const key = {
      privateKey: readFileSync(file, 'utf8'),
      passphrase: 'pass phrase',
      knownHosts: 'git.example x\n',
    };
    const publicKey = readFileSync(`${file}.pub`, 'utf8').split(' ')[1] ?? '';
    rmSync(file);
    const body = key.privateKey.split('\n')[2] ?? '';
    const commands = [
      'ssh-add -L >/tmp/key.pub',
      `grep -q ${publicKey} /tmp/key.pub`,
      'echo m >/tmp/m && ssh-keygen -q -Y sign -n n -f /tmp/key.pub /tmp/m',
      'env | grep GIT_SSH_COMMAND',
      `! grep -rqs '${body}' /tmp /run /build /proc/*/environ`,
    ];
    const environment = { SSH_AUTH_SOCK: { secret: 'DEPLOY' } };
    const { report, log } = await run(
      [
        planStep('clone', { commands, environment }),
        planStep('after', { commands: ['[ ! -e /run/airlock/ssh ]', '[ -z "$SSH_AUTH_SOCK" ]'] }),
      ],
      { DEPLOY: { kind: 'ssh-key', value: JSON.stringify(key) } },
    );
    assert.equal(report.reason, null, log);
    assert.match(log, /StrictHostKeyChecking=yes/);
    const agents = readdirSync('/proc').filter(
      (pid) =>
        /^\d+$/.test(pid) &&
        textOf(`/proc/${pid}/cmdline`).includes('/run/airlock/agent/agent.sock'),
    );
    assert.deepEqual(agents, []);
  },
);

test('a wrong passphrase is told, and the step does not start', { skip }, async () => {
  const file = join(root, 'wrong');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'pass phrase', '-f', file]);
  const key = {
    privateKey: readFileSync(file, 'utf8'),
    passphrase: 'another',
    knownHosts: 'git.example x\n',
  };
  const environment = { SSH_AUTH_SOCK: { secret: 'DEPLOY' } };
  const { report } = await run([planStep('clone', { commands: ['true'], environment })], {
    DEPLOY: { kind: 'ssh-key', value: JSON.stringify(key) },
  });
  assert.match(
    report.reason ?? '',
    /^step clone: DEPLOY: ssh-add does not take the key: .*passphrase/,
  );
});

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone since it was listed, or not ours.
    return '';
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
