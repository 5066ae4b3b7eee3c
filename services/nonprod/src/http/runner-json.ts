/** Runners as JSON. Fields are listed by name, so that a new column does not leave the house by itself. */
import type { EnrolmentRow, RunnerEvent, RunnerRun, RunnerSummary } from '../app/runner-ports.ts';

export function runnerJson(runner: RunnerSummary) {
  const { certificate } = runner;
  return {
    id: runner.id,
    pool: runner.pool,
    kind: runner.kind,
    state: runner.state,
    stateReason: runner.stateReason,
    stateBy: runner.stateBy,
    stateAt: runner.stateAt.toISOString(),
    enrolledAt: runner.enrolledAt.toISOString(),
    lastSeenAt: runner.lastSeenAt?.toISOString() ?? null,
    spentAt: runner.spentAt?.toISOString() ?? null,
    networks: runner.networks,
    claimed: {
      ...{ version: runner.version, isolation: runner.isolation },
      ...{ labels: runner.labels, platform: runner.platform, egress: runner.egress },
    },
    certificate:
      certificate === null
        ? null
        : {
            serial: certificate.serial,
            fingerprint: certificate.fingerprint,
            issuedAt: certificate.issuedAt.toISOString(),
            notAfter: certificate.notAfter.toISOString(),
          },
    job: runner.job,
    misfit: runner.misfit,
  };
}

export function enrolmentJson(row: EnrolmentRow) {
  return {
    id: row.id,
    runner: row.runner,
    pool: row.pool,
    kind: row.kind,
    keyFingerprint: row.keyFingerprint,
    address: row.address,
    networks: row.networks,
    askedAt: row.askedAt.toISOString(),
    state: row.state,
  };
}

export function runnerEventJson(event: RunnerEvent) {
  return {
    kind: event.kind,
    text: event.text,
    person: event.person,
    at: event.at.toISOString(),
  };
}

export function runnerRunJson(run: RunnerRun) {
  return {
    id: run.runId,
    number: run.number,
    subject: run.subject,
    at: run.at.toISOString(),
    tainted: run.tainted,
    candidate: run.candidateId,
  };
}
