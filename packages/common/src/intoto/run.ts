import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { runPredicate } from '../constants.ts';
import { IsolationReport } from '../wire/isolation.ts';
import { GitCommit, Name, RepositoryPath, Sha256Hex, Timestamp } from '../wire/scalars.ts';
import { statementBytes, StatementError, type Statement, type Subject } from './statement.ts';

/**
 * The predicate of a run attestation: a build whose every step passed, as the runner saw it. The runner hashed the subject
 * itself, out of the build's own workspace, and signs with its own key, so that nonprod cannot put other bytes, another
 * plan or another commit under a build.
 */
export const RunAttestation = z.strictObject({
  repository: z.string().min(1).max(1024),
  ref: z.string().min(1).max(255),
  commit: GitCommit,
  /**
   * Of the source archive that was unpacked, computed from its bytes: the id that git gives the tree, and the time that its
   * members carry and builds see, in seconds since 1970. A commit names both.
   */
  source: z.strictObject({ tree: GitCommit, time: z.int().min(0).max(0o77777777777) }),
  pipeline: RepositoryPath,
  /** SHA-256 of the plan that ran (`@airlock/pipeline/plan-digest`). */
  plan: Sha256Hex,
  /**
   * SHA-256 of the software that the steps saw: of a root file system (`@airlock/build/isolation/tree-digest`), of the machine
   * (`@airlock/build/machine-image`), or of the list of them where steps saw several.
   */
  image: Sha256Hex,
  /**
   * What steps were given on nonprod's word alone: neither the commit nor the plan says it. Names are enough, because only a
   * run without any is signed for main.
   */
  given: z.strictObject({
    event: z.string().min(1).max(64),
    variables: z.array(z.string().min(1).max(1024)).max(1000),
  }),
  invocationId: z.string().min(1).max(255),
  /** By the runner's own clock. */
  startedOn: Timestamp,
  finishedOn: Timestamp,
  runner: Name,
  isolation: IsolationReport,
});
export type RunAttestation = z.infer<typeof RunAttestation>;

/** The bytes of the Statement that a runner signs. */
export function runStatement(subject: Subject, run: RunAttestation): Buffer {
  const { repository, ref, commit, source, pipeline, plan, image, given } = run;
  const { invocationId, startedOn, finishedOn, runner, isolation } = run;
  return statementBytes(subject, runPredicate, {
    ...{ repository, ref, commit },
    source: { tree: source.tree, time: source.time },
    ...{ pipeline, plan, image },
    given: { event: given.event, variables: given.variables },
    ...{ invocationId, startedOn, finishedOn, runner },
    isolation: { mode: isolation.mode, enforced: isolation.enforced },
  });
}

/** @throws StatementError `E_STATEMENT` when the statement is of another kind or has missing or unknown fields. */
export function readRunAttestation(statement: Statement): RunAttestation {
  if (statement.predicateType !== runPredicate) {
    throw new StatementError('E_STATEMENT', `predicateType ${runPredicate} expected`);
  }
  const parsed = RunAttestation.safeParse(statement.predicate);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new StatementError(
    'E_STATEMENT',
    `run attestation: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}
