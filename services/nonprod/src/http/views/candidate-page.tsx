import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { CandidateDetails } from '../../app/page-queries.ts';
import type { Refusal } from '../../domain/promotable.ts';
import { fileSize, promotionSentence, provenanceLevel } from './words.ts';

export function CandidatePage({
  frame,
  candidate,
  refusals,
  reason,
  now,
}: {
  readonly frame: Frame;
  readonly candidate: CandidateDetails;
  /** Why a request that was just sent was not taken; empty otherwise. */
  readonly refusals: readonly Refusal[];
  /** What the form's reason holds at first. */
  readonly reason: string;
  readonly now: Date;
}) {
  const title = candidate.release ?? 'A build that is not of main';
  return (
    <Layout
      frame={frame}
      title={title}
      breadcrumbs={[{ label: 'Candidates', href: '/candidates' }, { label: title }]}
    >
      {candidate.taint === null ? null : (
        <VerdictBanner
          kind="fix"
          title="Not to be trusted."
          text={`${candidate.taint}. Nobody can ask for it; build the commit again on another runner.`}
        />
      )}
      {refusals.length === 0 ? null : (
        <VerdictBanner
          kind="fix"
          title="Not asked."
          text={refusals.map(({ text }) => text).join(' ')}
        />
      )}
      <WithAside aside={<AskBox frame={frame} candidate={candidate} reason={reason} />}>
        <Card title="What was built" icon="package">
          <DescriptionList
            items={[
              { term: 'Commit', value: <Digest value={candidate.commit} /> },
              { term: 'Change', value: `${candidate.subject} (${candidate.authorName})` },
              { term: 'Run', value: <a href={`/runs/${candidate.runId}`}>{candidate.runId}</a> },
              {
                term: 'Artifact',
                value: (
                  <>
                    {candidate.artifact.name}, {fileSize(candidate.artifact.size)}{' '}
                    <Digest value={`sha256:${candidate.artifact.digest}`} />
                  </>
                ),
              },
              { term: 'Provenance', value: provenanceLevel(candidate.builder) },
              { term: 'Signed', value: <Time at={candidate.createdAt} now={now} /> },
            ]}
          />
        </Card>
        <SectionHeading note={candidate.requests.length}>Asked for</SectionHeading>
        <DataTable
          caption="Requests for this candidate"
          rows={candidate.requests}
          empty="Nobody has asked for it yet."
          columns={[
            {
              label: 'Target',
              nowrap: true,
              cell: (request) => <a href={`/promotions/${request.id}`}>{request.target}</a>,
            },
            {
              label: 'Where it stands',
              wide: true,
              cell: (request) => {
                const { tone, text } = promotionSentence(request);
                return <Status tone={tone}>{text}</Status>;
              },
            },
            { label: 'By', nowrap: true, cell: (request) => request.requesterName },
            {
              label: 'Asked',
              nowrap: true,
              cell: (request) => <Time at={request.requestedAt} now={now} />,
            },
          ]}
        />
        <SectionHeading>Provenance, as signed</SectionHeading>
        <CodeBlock label="Provenance statement" wrap>
          {statementOf(candidate.provenance)}
        </CodeBlock>
      </WithAside>
    </Layout>
  );
}

function AskBox({
  frame,
  candidate,
  reason,
}: {
  readonly frame: Frame;
  readonly candidate: CandidateDetails;
  readonly reason: string;
}) {
  if (candidate.builder !== 'main') {
    return (
      <Card title="Not for promotion" icon="info">
        <p>Only builds of main can be promoted. Merge it; the run on main makes a candidate.</p>
      </Card>
    );
  }
  if (candidate.taint !== null) {
    return (
      <Card title="Not for promotion" icon="alert">
        <p>{candidate.taint}.</p>
      </Card>
    );
  }
  if (candidate.suspicion !== null) {
    return (
      <Card title="Not for promotion yet" icon="alert">
        <p>{candidate.suspicion}.</p>
        <Button href={`/runs/${candidate.runId}`} block>
          To the run
        </Button>
      </Card>
    );
  }
  if (candidate.targets.length === 0) {
    return (
      <Card title="Not for promotion" icon="info">
        <p>
          The release file of this commit names no target. Add one under <code>promote</code> in{' '}
          <code>.airlock/release.yaml</code>.
        </p>
      </Card>
    );
  }
  if (frame.viewer?.roles.includes('developer') !== true) {
    return (
      <Card title="Ask for promotion" icon="rocket">
        <p>Developers ask for promotion; none of your groups makes you one here.</p>
      </Card>
    );
  }
  return (
    <Card title="Ask for promotion" icon="rocket" emphasis>
      <p class="muted">
        The gate decides on its own evidence, and release managers approve there. Asking changes
        nothing in production.
      </p>
      <PostForm action={`/candidates/${candidate.id}/promotions`} csrfToken={frame.csrfToken}>
        <SelectField
          label="Target"
          name="target"
          options={candidate.targets.map((target) => ({ value: target, label: target }))}
        />
        <TextField
          label="What does it bring, and why now?"
          hint="Approvers read this."
          name="reason"
          value={reason}
          multiline
          required
          maxLength={1000}
        />
        <Button kind="primary" icon="rocket" block>
          Ask for promotion
        </Button>
      </PostForm>
    </Card>
  );
}

/** The payload of an envelope of our own, for reading. */
function statementOf(envelope: string): string {
  const parsed: unknown = JSON.parse(envelope);
  const payload =
    typeof parsed === 'object' && parsed !== null && 'payload' in parsed ? parsed.payload : null;
  if (typeof payload !== 'string') return envelope;
  const text = Buffer.from(payload, 'base64').toString('utf8');
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
