/** What runners may ask; see the wire format in `@airlock/common/wire/runner-protocol`. */
import { pipeline } from 'node:stream/promises';
import { AirlockError } from '@airlock/common/errors';
import {
  JobReport,
  LeaseProof,
  LeaseRequest,
  maxLogPieceBytes,
  type HeartbeatAnswer,
  type LogProgress,
  type Job,
} from '@airlock/common/wire/runner-protocol';
import { ArtifactName, Name, Sha256Hex } from '@airlock/common/wire/scalars';
import { leaseHolds } from '../domain/job-lease.ts';
import { judgeLease, runnerPrefix, type Registration } from '../domain/runner.ts';
import type { PoolRule } from '../app/enrol-runners.ts';
import type { RunnerStore } from '../app/runner-ports.ts';
import type { RunnerGuard } from './runner-guard.ts';
import type { LogIntake } from '../app/log-intake.ts';
import type { BlobStore, JobFacts, JobStore, LeaseProofOf, SourceArchive } from '../app/ports.ts';
import { createBodyRooms } from '@airlock/process/body-rooms';
import {
  MachineError,
  readJson,
  type MachineCall,
  type MachineRoute,
} from '@airlock/process/machine-server';

/** How long a request for work is held while there is none, in milliseconds. */
const holdMs = 5_000;
/** How often the database is asked while a request is held and no bell rings, in milliseconds. */
const lookAgainMs = 500;
const smallBody = 4 * 1024;
const reportBody = 512 * 1024;

export interface RunnerApiPorts {
  /** Who may call, and for which jobs. */
  readonly fleet: {
    readonly guard: Pick<RunnerGuard, 'callerOf'>;
    readonly runners: Pick<RunnerStore, 'registration' | 'spend' | 'giveBack'>;
    readonly poolRule: (pool: string) => Promise<PoolRule | null>;
  };
  readonly jobs: JobStore;
  readonly logs: LogIntake;
  readonly mirrors: { of(repository: string): Pick<SourceArchive, 'archive'> };
  readonly blobs: BlobStore;
  readonly settings: { readonly leaseSeconds: number; readonly maxArtifactBytes: number };
  leaseJob(runner: string, pool: string): Promise<Job | null>;
  reportJob(proof: LeaseProofOf, report: JobReport): Promise<'recorded' | 'lease-lost'>;
  /** Settles after the given time, or sooner when a job may have come. */
  waitForWork(milliseconds: number): Promise<void>;
}

export function runnerRoutes(ports: RunnerApiPorts): MachineRoute[] {
  const { fleet, jobs } = ports;
  const pieces = createBodyRooms(maxLogPieceBytes);

  async function heldJob(call: MachineCall): Promise<{ proof: LeaseProofOf; job: JobFacts }> {
    const proof = { ...namedJob(call), lease: queryLease(call) };
    const job = await jobs.facts(proof.jobId);
    if (job === null || !leaseHolds(job, proof)) throw leaseLost();
    return { proof, job };
  }

  return [
    {
      method: 'POST',
      path: '/v1/lease',
      async handle(call) {
        const { pool } = await readJson(call.request, LeaseRequest, smallBody);
        const runner = runnerId(call);
        const rule = await fleet.poolRule(pool);
        const asked = { pool, once: rule?.once === true, platform: rule?.platform ?? null };
        const { registration, fingerprint } = fleet.guard.callerOf(call.request);
        let now: Registration | null = registration;
        const until = Date.now() + holdMs;
        // Nothing is claimed for a caller that has gone away.
        while (!call.response.destroyed) {
          const may = now !== null && refuseLease(now, asked);
          const job = may ? await ports.leaseJob(runner, pool) : null;
          if (job !== null && (await fleet.runners.spend(runner, new Date()))) {
            return { status: 200, json: job };
          }
          // Barred, or spent by another call, since it was asked: the job goes to somebody else.
          if (job !== null) await fleet.runners.giveBack(job.jobId, runner);
          const left = until - Date.now();
          if (left <= 0) break;
          await ports.waitForWork(Math.min(left, lookAgainMs));
          now = await fleet.runners.registration(fingerprint);
        }
        return { status: 204 };
      },
    },
    {
      method: 'POST',
      path: '/v1/jobs/:jobId/heartbeat',
      async handle(call) {
        const { lease } = await readJson(call.request, LeaseProof, smallBody);
        const { leaseSeconds } = ports.settings;
        const word = await jobs.heartbeat({ ...namedJob(call), lease }, leaseSeconds);
        if (word === 'lost') throw leaseLost();
        const json: HeartbeatAnswer = { cancelled: word === 'cancelled' };
        return { status: 200, json };
      },
    },
    {
      method: 'POST',
      path: '/v1/jobs/:jobId/log',
      async handle(call) {
        const step = Name.safeParse(call.query.get('step'));
        const offset = call.query.get('offset') ?? '';
        if (!step.success || !/^\d{1,15}$/.test(offset)) {
          throw new MachineError('request-malformed', 'step and offset are needed in the query');
        }
        const proof = { ...namedJob(call), lease: queryLease(call) };
        const isEnd = call.query.get('end') === '1';
        const next = await pieces.read(call.request, (bytes) =>
          ports.logs.take(proof, step.data, { offset: Number(offset), bytes, isEnd }),
        );
        if (next === 'lease-lost') throw leaseLost();
        if (next === 'no-such-step') {
          throw new MachineError('not-found', `the plan of this job has no step ${step.data}`);
        }
        return { status: 200, json: { next } satisfies LogProgress };
      },
    },
    {
      method: 'GET',
      path: '/v1/jobs/:jobId/source',
      async handle(call) {
        const { job } = await heldJob(call);
        call.response.writeHead(200, {
          'content-type': 'application/x-tar',
          'cache-control': 'no-store',
        });
        await pipeline(ports.mirrors.of(job.repository).archive(job.commit), call.response);
        return 'streamed';
      },
    },
    {
      method: 'PUT',
      path: '/v1/jobs/:jobId/artifact',
      async handle(call) {
        const { proof, job } = await heldJob(call);
        const name = ArtifactName.safeParse(call.query.get('name'));
        const digest = Sha256Hex.safeParse(call.query.get('sha256'));
        if (!name.success || !digest.success) {
          throw new MachineError('request-malformed', 'name and sha256 are needed in the query');
        }
        const wanted = job.plan.artifact?.workflow === job.workflow.name ? job.plan.artifact : null;
        if (wanted?.name !== name.data) {
          throw new MachineError(
            'artifact-not-asked-for',
            `this job keeps ${wanted?.name ?? 'nothing'}, not ${name.data}`,
          );
        }
        const { maxArtifactBytes } = ports.settings;
        const maxBytes = Math.min(wanted.maxBytes ?? maxArtifactBytes, maxArtifactBytes);
        const kept = await keep(ports.blobs, call, maxBytes, digest.data);
        if (!(await jobs.recordArtifact(proof, { name: name.data, ...kept }))) throw leaseLost();
        return { status: 201, json: kept };
      },
    },
    {
      method: 'POST',
      path: '/v1/jobs/:jobId/report',
      async handle(call) {
        const report = await readJson(call.request, JobReport, reportBody);
        const proof = { ...namedJob(call), lease: report.lease };
        if ((await ports.reportJob(proof, report)) === 'lease-lost') throw leaseLost();
        return { status: 204 };
      },
    },
  ];
}

async function keep(
  blobs: BlobStore,
  call: MachineCall,
  maxBytes: number,
  expected: string,
): Promise<{ digest: string; size: number }> {
  try {
    const { digest, size } = await blobs.put(call.request, { maxBytes, expected });
    return { digest, size };
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    if (cause.code === 'artifact-too-large') {
      throw new MachineError('artifact-too-large', `more than ${maxBytes} bytes`, { cause });
    }
    if (cause.code === 'artifact-digest-mismatch') {
      throw new MachineError('artifact-digest-mismatch', cause.message, { cause });
    }
    throw cause;
  }
}

/** False while the runner is to wait. @throws MachineError when it is not to ask at all. */
function refuseLease(registration: Registration, asked: Parameters<typeof judgeLease>[1]): boolean {
  const verdict = judgeLease(registration, asked);
  if (verdict.kind === 'no') throw new MachineError('caller-not-allowed', verdict.text);
  return verdict.kind === 'may';
}

function runnerId(call: MachineCall): string {
  return call.caller.slice(runnerPrefix.length);
}

export function namedJob(call: MachineCall): { jobId: string; runner: string } {
  return { jobId: call.params['jobId'] ?? '', runner: runnerId(call) };
}

export function queryLease(call: MachineCall): number {
  const text = call.query.get('lease') ?? '';
  if (!/^[1-9]\d{0,14}$/.test(text)) {
    throw new MachineError('request-malformed', 'lease is needed in the query');
  }
  return Number(text);
}

export function leaseLost(): MachineError {
  return new MachineError('lease-lost', 'this lease does not hold (any more); stop this job');
}

/** A pause that a bell can end early. */
export function createWorkWaiter(): { wait(milliseconds: number): Promise<void>; wake(): void } {
  const sleepers = new Set<() => void>();
  return {
    wait: (milliseconds) =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          sleepers.delete(end);
          resolve();
        };
        const timer = setTimeout(end, milliseconds);
        sleepers.add(end);
      }),
    wake: () => {
      for (const end of [...sleepers]) end();
    },
  };
}
