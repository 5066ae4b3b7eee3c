/** What the owner of a runner tries with its key: to be another, to have another's job, and to say what is not so. */
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Job } from '@airlock/common/wire/runner-protocol';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { createCertificateAuthority, issueCertificate } from '../setup/pki.ts';
import { all, type Drill, type Way } from './drill.ts';
import { pipelineOf, push, runOf, type RunSeen } from './build-door.ts';
import type { Heard } from './knock.ts';
import { joinRunner, machine, type Machine } from './machine-door.ts';
import { savePool, withPool } from './pool-door.ts';
import type { DrillTarget } from './target.ts';

const is = (way: string, { status, text }: Heard, ...wanted: readonly number[]): Way => ({
  ...{ way, held: wanted.includes(status) },
  answer: wanted.includes(status) ? String(status) : `${status} ${text.slice(0, 80)}`,
});

/** A connection that is not made, or made and not answered, has been refused as well as one that is told so. */
async function refused(way: string, asking: Promise<Heard>): Promise<Way> {
  try {
    return is(way, await asking, 401, 403);
  } catch (error) {
    return { way, held: true, answer: `no connection (${codeOf(error)})` };
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const impersonate: Drill = {
  id: 'runner-impersonate',
  controls: ['B1', 'B2', 'B15'],
  attacker: 'runner-owner',
  attack:
    'says to be another runner, by a certificate of its own making, by the name that it asks for, and in another pool',
  async run(target) {
    const victim = await someRunner(target);
    const name = `airlock:runner:${victim}`;
    const ca = await createCertificateAuthority('drill');
    const own = await issueCertificate({
      ...{ ca, uriSan: name, usage: 'client', days: 1, dnsNames: [], ipAddresses: [] },
    });
    const elsewhere = `drill-${randomBytes(3).toString('hex')}`;
    await savePool(target, elsewhere, { trust: 0, images: [{ glob: '**' }], granted: false });
    const joined = await joinRunner(target, { asks: name });
    const selfMade = machine(target, victim, { key: own.keyPem, cert: own.certificatePem });
    try {
      const asNobody = selfMade.hello();
      return all([
        await refused('a certificate of its own making', asNobody),
        is('its own certificate', await joined.hello(), 204),
        {
          ...{ way: 'another name in its request', held: joined.identity !== name },
          answer: `the certificate says ${joined.identity ?? 'nobody'}`,
        },
        is('another pool', await joined.post('/v1/lease', { pool: elsewhere }), 403),
        is(
          'a call that names no process',
          await joined.call({
            ...{ method: 'POST', path: '/v1/lease', body: JSON.stringify({ pool: target.pool }) },
            headers: { 'x-airlock-instance': '' },
          }),
          403,
        ),
      ]);
    } finally {
      await Promise.all([joined.leave(), selfMade.leave()]);
    }
  },
};

async function someRunner(target: DrillTarget): Promise<string> {
  const oke = await signedIn(target.nonprod, 'oke');
  const { runners } = Runners.parse(await oke.getJson('/api/v1/runners'));
  const active = runners.find(({ id, state }) => state === 'active' && !id.startsWith('drill-'));
  if (active === undefined) throw new Error('no runner is active that could be impersonated');
  return active.id;
}

/** A job of one step in a pool that nobody else has machines in, leased by `holder`. */
async function leasedJob(target: DrillTarget, pool: string, holder: Machine): Promise<Job> {
  const commit = await push(target, {
    files: { '.woodpecker.yaml': pipelineOf({ commands: ['exit 1'] }, { labels: { pool } }) },
  });
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    const { status, text } = await holder.post('/v1/lease', { pool });
    if (status === 200) return Job.parse(JSON.parse(text));
    if (status !== 204) throw new Error(`asking for work answered ${status}: ${text}`);
    await delay(200);
  }
  throw new Error(`a minute after the push of ${commit.slice(0, 7)} there is no job in ${pool}`);
}

const reportOf = (job: Job, said: Readonly<Record<string, unknown>> = {}): unknown => ({
  ...{ lease: job.lease, outcome: 'passed', reason: null, artifact: null, attestation: null },
  egress: null,
  steps: job.plan.workflows.flatMap(({ name, steps }) =>
    name === job.workflow.name ? steps.map((step) => stepReport(step.name)) : [],
  ),
  isolation: { mode: 'none', enforced: [] },
  ...said,
});

const stepReport = (name: string): unknown => ({
  ...{ name, kind: 'step', outcome: 'passed', exitCode: 0, startedAt: null, finishedAt: null },
});

/** Works with a job that the first machine has, beside a second one that was let into the same pool. */
async function besideAJob<T>(
  target: DrillTarget,
  work: (job: Job, holder: Machine, thief: Machine) => Promise<T>,
): Promise<T> {
  const pool = 'drill-runners';
  return withPool(target, pool, { trust: 0, images: [{ glob: '**' }] }, async () => {
    const holder = await joinRunner(target, { pool });
    const thief = await joinRunner(target, { pool });
    try {
      for (const each of [holder, thief]) await each.hello();
      const job = await leasedJob(target, pool, holder);
      try {
        return await work(job, holder, thief);
      } finally {
        // Otherwise it is given out again once its lease ends, to nobody.
        const failed = { outcome: 'failed', reason: 'airlock drill', steps: [] };
        await holder.post(`/v1/jobs/${job.jobId}/report`, reportOf(job, failed));
      }
    } finally {
      await Promise.all([holder.leave(), thief.leave()]);
    }
  });
}

/** Every call that a runner may make of a job. */
function callsOf(
  job: Job,
): readonly (readonly [way: string, method: string, path: string, body: unknown])[] {
  const { lease } = job;
  const sha256 = createHash('sha256').update('"forged"').digest('hex');
  const name = job.plan.artifact?.name ?? 'shop-api.tar.gz';
  return [
    ['keep it alive', 'POST', 'heartbeat', { lease }],
    ['write its log', 'POST', `log?lease=${lease}&step=attack&offset=0`, 'forged'],
    ['read its tree', 'GET', `source?lease=${lease}`, undefined],
    ['keep an artifact', 'PUT', `artifact?lease=${lease}&name=${name}&sha256=${sha256}`, 'forged'],
    [
      'keep a report',
      'PUT',
      `reports?lease=${lease}&kind=junit&path=r.xml&sha256=${sha256}`,
      'forged',
    ],
    ['end it', 'POST', 'report', reportOf(job)],
  ];
}

async function tryAll(job: Job, as: Machine, prefix: string): Promise<Way[]> {
  const ways: Way[] = [];
  for (const [way, method, path, body] of callsOf(job)) {
    const answer = await as.call({
      ...{ method, path: `/v1/jobs/${job.jobId}/${path}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    ways.push(is(`${prefix}${way}`, answer, 409));
  }
  return ways;
}

const otherJob: Drill = {
  id: 'runner-other-job',
  controls: ['B1', 'VR12'],
  attacker: 'runner-owner',
  attack:
    'asks with the right lease number for everything of a job that another machine of its pool has',
  run: (target) =>
    besideAJob(target, async (job, holder, thief) => {
      const ways = await tryAll(job, thief, '');
      const path = `/v1/jobs/${job.jobId}/heartbeat`;
      const own = await holder.post(path, { lease: job.lease });
      ways.push(is('whose job it is', own, 200));
      ways.push(is('a lease after it', await holder.post(path, { lease: job.lease + 1 }), 409));
      return all(ways);
    }),
};

const statusForge: Drill = {
  id: 'runner-status-forge',
  controls: ['B1'],
  attacker: 'runner-owner',
  attack:
    'reports a pass for a job of another, for one without its artifact or with other steps, and of one that has ended',
  async run(target) {
    const seen: { run?: RunSeen } = {};
    const ways = await besideAJob(target, async (job, holder, thief) => {
      const path = `/v1/jobs/${job.jobId}/report`;
      const found = [is('a job of another', await thief.post(path, reportOf(job)), 409)];
      const outside = await holder.call({
        ...{ method: 'PUT', body: 'forged' },
        path: `/v1/jobs/${job.jobId}/artifact?lease=${job.lease}&name=other.tar.gz&sha256=${'0'.repeat(64)}`,
      });
      found.push(is('an artifact that was not asked for', outside, 422));
      const invented = { name: 'shop-api.tar.gz', digest: '0'.repeat(64), size: 1 };
      const steps = [stepReport('another')];
      const report = reportOf(job, { artifact: invented, steps });
      found.push(is('its own job', await holder.post(path, report), 204));
      const run = await runOf(target, job.run.commit);
      seen.run = run;
      found.push({
        ...{
          way: 'a pass with other steps and without its artifact',
          held: run.state === 'failed',
        },
        answer: `${run.state}: ${run.jobs[0]?.reason ?? ''}`,
      });
      found.push(...(await tryAll(job, holder, 'once it has ended, ')));
      return found;
    });
    const after = await runOf(target, seen.run?.commit ?? '');
    ways.push({ way: 'the run after', held: after.state === 'failed', answer: after.state });
    return all(ways);
  },
};

const clone: Drill = {
  id: 'runner-clone',
  controls: ['B8'],
  attacker: 'runner-owner',
  attack: 'speaks with a copy of a runner’s key from a second place',
  async run(target) {
    const genuine = await joinRunner(target);
    const copy = genuine.copied();
    try {
      return all([
        is('the runner itself', await genuine.hello(), 204),
        is('the copy', await copy.hello(), 204),
        is('the runner after it', await genuine.post('/v1/jobs/none/heartbeat', { lease: 1 }), 403),
        is('the copy again', await copy.hello(), 403),
      ]);
    } finally {
      await Promise.all([genuine.leave(), copy.leave()]);
    }
  },
};

export const runnerDrills: readonly Drill[] = [impersonate, otherJob, statusForge, clone];

const Runners = z.object({
  runners: z.array(z.looseObject({ id: z.string(), state: z.string() })),
});
