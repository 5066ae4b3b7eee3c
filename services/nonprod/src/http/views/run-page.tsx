import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { StepList } from '@airlock/web/views/step-list';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { TrustDescription } from '../../app/describe-trust.ts';
import type { JobSummary, RunDetails, StepSummary } from '../../app/page-queries.ts';
import { mayChange } from '../../domain/run-life.ts';
import { logQuery } from '../log-choice.ts';
import type { ShownLog } from '../shown-log.ts';
import { LogSection } from './log-section.tsx';
import { HeldBox } from './held-box.tsx';
import { RunActions } from './run-actions.tsx';
import { RunFlags } from './run-flags.tsx';
import { TrustCard } from './trust-card.tsx';
import { duration, egressWords, fileSize, provenanceLevel, sourceOf, stepTone } from './words.ts';

export function RunPage({
  frame,
  run,
  shown,
  trust,
  now,
  seen,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  /** Null when the run has no step. */
  readonly shown: ShownLog | null;
  readonly trust: TrustDescription | null;
  readonly now: Date;
  /** What the page shows, for the stream to compare with. */
  readonly seen: string;
}) {
  const url = `/runs/${run.id}`;
  const current = mayChange(run);
  return (
    <Layout
      frame={frame}
      title={`#${run.number} ${run.subject}`}
      breadcrumbs={[{ label: 'Runs', href: '/' }, { label: `#${run.number}` }]}
      scripts={['log-window.js']}
      {...(current ? { live: `${url}/events?seen=${encodeURIComponent(seen)}` } : {})}
    >
      <Verdict run={run} now={now} />
      {run.state === 'failed' && run.reason?.includes('\n') === true ? (
        <CodeBlock label="What is wrong with the files of this commit" wrap>
          {run.reason}
        </CodeBlock>
      ) : null}
      {run.warnings.length === 0 ? null : (
        <>
          <SectionHeading>{warningsTitle(run.warnings.length)}</SectionHeading>
          <CodeBlock label={warningsTitle(run.warnings.length)} wrap>
            {run.warnings.join('\n')}
          </CodeBlock>
        </>
      )}
      <RunFlags frame={frame} run={run} now={now} />
      <WithAside aside={<Aside {...{ frame, run, trust, now }} />}>
        {trust?.held == null ? null : <HeldBox frame={frame} run={run} held={trust.held} />}
        {run.jobs.map((each) => (
          <JobSteps key={each.id} run={run} job={each} now={now} />
        ))}
        {shown === null ? null : <LogSection {...{ frame, run, shown, now }} />}
      </WithAside>
    </Layout>
  );
}

const warningsTitle = (count: number): string =>
  `${count === 1 ? 'A warning' : `${count} warnings`} about the files that this run follows`;

function JobSteps({
  run,
  job,
  now,
}: {
  readonly run: RunDetails;
  readonly job: JobSummary;
  readonly now: Date;
}) {
  const took = duration(job.startedAt, job.finishedAt ?? now);
  return (
    <>
      <SectionHeading note={took}>{run.jobs.length === 1 ? 'Steps' : job.title}</SectionHeading>
      {run.jobs.length === 1 ? null : (
        <p class="muted">
          {job.outcome ?? job.state}
          {job.reason === null ? '' : `: ${job.reason}`}{' '}
        </p>
      )}
      <StepList steps={job.steps.map((step) => stepBox(run, job, step, now))} />
    </>
  );
}

function Verdict({ run, now }: { readonly run: RunDetails; readonly now: Date }) {
  switch (run.state) {
    case 'held':
      return (
        <VerdictBanner
          kind="person"
          title={run.reason ?? 'Held.'}
          text="Nothing of it runs before; look at what it changes first."
        />
      );
    case 'queued':
      if (run.reason !== null) {
        return <VerdictBanner kind="time" title="Queued, and not in line yet." text={run.reason} />;
      }
      return <VerdictBanner kind="time" title="Queued." text={waitsForRunner(run, now)} />;
    case 'running':
      if (run.cancelledBy !== null) {
        return (
          <VerdictBanner
            kind="progress"
            title={`Being cancelled by ${run.cancelledBy}.`}
            text={`Waits for ${runnersOf(run)} to stop.`}
          />
        );
      }
      if (unmanned(run).length > 0 && !run.jobs.some(({ state }) => state === 'leased')) {
        return <VerdictBanner kind="time" title="A part waits." text={unmanned(run).join(' ')} />;
      }
      return (
        <VerdictBanner
          kind="progress"
          title={`Running on ${runnersOf(run)}.`}
          text={[
            ...(run.jobs.some(({ attempt }) => attempt > 1) ? ['A runner was lost before.'] : []),
            ...unmanned(run),
          ].join(' ')}
        />
      );
    case 'failed':
      return (
        <VerdictBanner
          kind="fix"
          title="Failed."
          text={
            run.reason?.includes('\n') === true
              ? 'The files of this commit cannot be followed:'
              : (run.reason ?? '')
          }
        />
      );
    case 'cancelled':
      return <VerdictBanner kind="info" title="Cancelled." text={run.reason ?? ''} />;
    case 'passed':
      return <VerdictBanner kind="none" title="Passed." text={afterPassing(run)} />;
  }
}

function afterPassing(run: RunDetails): string {
  if (run.signing === 'wanted') return 'Its artifact is being signed.';
  if (run.signing === 'refused') return `Its artifact is not signed. ${run.signingReason ?? ''}`;
  if (run.artifact === null) return 'The commit has no release file, so nothing was kept.';
  if (run.candidate === null) {
    return 'Its artifact is kept and not signed: the files that it followed are not of its own commit.';
  }
  return run.candidate.release === null
    ? 'Its artifact is signed as a build that is not of main, so it cannot be promoted. Merge it first.'
    : `It made the candidate ${run.candidate.release}.`;
}

function Aside({
  frame,
  run,
  trust,
  now,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly trust: TrustDescription | null;
  readonly now: Date;
}) {
  const { jobs, artifact, candidate } = run;
  return (
    <>
      {candidate !== null && candidate.release !== null ? (
        <Card title={candidate.release} icon="package" emphasis>
          <p>This build of main can be asked for.</p>
          <Button kind="primary" href={`/candidates/${candidate.id}`} block>
            To the candidate
          </Button>
        </Card>
      ) : null}
      <Card title="This run">
        <DescriptionList
          items={[
            { term: 'Commit', value: <Digest value={run.commit} /> },
            { term: 'Source', value: `${sourceOf(run)} (${run.event})` },
            { term: 'Author', value: run.authorName },
            { term: 'Asked', value: <Time at={run.createdAt} now={now} /> },
            {
              term: 'Said',
              value: (
                <>
                  <a href={`/runs/${run.id}/tests`}>Tests</a>,{' '}
                  <a href={`/runs/${run.id}/findings`}>findings, coverage, components</a>
                </>
              ),
            },
            ...(run.retryOf === null
              ? []
              : [
                  {
                    term: 'Retry of',
                    value: <a href={`/runs/${run.retryOf.id}`}>#{run.retryOf.number}</a>,
                  },
                ]),
            ...jobs.flatMap((job) => [
              {
                term: jobs.length === 1 ? 'Runner' : `Runner of ${job.title}`,
                value: `${job.runner ?? 'none yet'}, pool ${job.pool}`,
              },
              {
                term: 'Isolation',
                value:
                  job.isolation === null
                    ? 'known when it has ended'
                    : `${job.isolation.mode}: ${job.isolation.enforced.join(', ')}`,
                source: 'as the runner reported',
              },
              ...(job.egress === null
                ? []
                : [
                    {
                      term: 'Network',
                      value: egressWords(job.egress),
                      source: 'as the runner reported',
                    },
                  ]),
            ]),
          ]}
        />
      </Card>
      <RunActions frame={frame} run={run} />
      {trust === null ? null : <TrustCard description={trust} now={now} />}
      {artifact === null ? null : (
        <Card title="Artifact" icon="file">
          <DescriptionList
            items={[
              { term: 'File', value: `${artifact.name}, ${fileSize(artifact.size)}` },
              { term: 'SHA-256', value: <Digest value={`sha256:${artifact.digest}`} /> },
              {
                term: 'Provenance',
                value: candidate === null ? 'not signed' : provenanceLevel(candidate.builder),
              },
            ]}
          />
        </Card>
      )}
    </>
  );
}

function stepBox(run: RunDetails, job: JobSummary, step: StepSummary, now: Date) {
  const query = logQuery({ job, step, name: { jobId: job.id, lease: job.lease, step: step.name } });
  const took = duration(step.startedAt, step.finishedAt ?? now);
  const code = step.exitCode !== null && step.exitCode !== 0 ? `, exit code ${step.exitCode}` : '';
  return {
    id: step.name,
    tone: stepTone(step.state),
    title: <a href={`/runs/${run.id}?${query}#log`}>{step.name}</a>,
    detail: `${step.state}${took === '' ? '' : ` ${took}`}${code}`,
  };
}

function waitsForRunner(run: RunDetails, now: Date): string {
  const pool = run.jobs.find(({ state }) => state === 'queued')?.pool ?? '';
  const waits = `Waits ${duration(run.createdAt, now)} for a runner of the pool ${pool}.`;
  return [waits, ...unmanned(run)].join(' ');
}

/** Why nobody takes what is queued, a sentence a pool. */
function unmanned({ jobs }: RunDetails): string[] {
  return [
    ...new Set(
      jobs.flatMap(({ state, reason }) => (state === 'queued' && reason !== null ? [reason] : [])),
    ),
  ];
}

function runnersOf({ jobs }: RunDetails): string {
  const runners = jobs.flatMap(({ state, runner }) =>
    state === 'leased' && runner !== null ? [runner] : [],
  );
  return runners.join(', ') || 'a runner';
}
