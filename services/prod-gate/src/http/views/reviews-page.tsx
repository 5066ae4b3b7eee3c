import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { PasskeyForm } from '@airlock/web/views/passkey-form';
import { Time } from '@airlock/web/views/time';
import type { ShownUse } from '../../app/view-reviews.ts';
import { isOverdue, isOwed } from '../../domain/waiver.ts';
import { plain } from './words.ts';

/** What went out without its approvals or outside its windows, and who looked at it afterwards. */
export function ReviewsPage({
  frame,
  uses,
  now,
}: {
  readonly frame: Frame;
  readonly uses: readonly ShownUse[];
  readonly now: Date;
}) {
  const owed = uses.filter(({ use }) => isOwed(use));
  const done = uses.filter(({ use }) => !isOwed(use));
  return (
    <Layout frame={frame} title="Reviews" scripts={['passkey.js']}>
      <SectionHeading note={owed.length === 0 ? undefined : owed.length}>Owed</SectionHeading>
      {owed.length === 0 ? (
        <EmptyState title="No review is owed.">
          A delivery by break-glass passes with fewer approvals or outside the windows, and one with
          an override outside the windows; others look at it afterwards, or its target is frozen.
        </EmptyState>
      ) : (
        owed.map((shown) => (
          <Owed key={shown.use.deliveryId} frame={frame} shown={shown} now={now} />
        ))
      )}
      {done.length === 0 ? null : (
        <>
          <SectionHeading>Looked at</SectionHeading>
          <DataTable
            caption="Deliveries by break-glass or outside the windows that others have looked at"
            rows={done}
            empty="None."
            stacked
            columns={[
              { label: 'Release', cell: ({ use }) => <Delivered use={use} /> },
              { label: 'Why', wide: true, cell: ({ justification }) => why(justification) },
              { label: 'Looked at by', cell: (shown) => named(shown, shown.signedBy) },
              {
                label: 'When',
                nowrap: true,
                cell: ({ use }) =>
                  use.reviewed === null ? null : <Time at={use.reviewed.at} now={now} />,
              },
            ]}
          />
        </>
      )}
    </Layout>
  );
}

function Owed({
  frame,
  shown,
  now,
}: {
  readonly frame: Frame;
  readonly shown: ShownUse;
  readonly now: Date;
}) {
  const { use, justification, signedBy } = shown;
  const isMine = frame.viewer !== null && use.involved.includes(frame.viewer.id);
  const hasSigned = frame.viewer !== null && signedBy.includes(frame.viewer.id);
  const url = `/api/v1/reviews/${use.deliveryId}`;
  return (
    <Card title={`${plain(use.release)} → ${use.target}`} icon="alert">
      <p>{why(justification)}</p>
      <p>
        <Delivered use={use} /> at <Time at={use.at} now={now} />, asked for and approved by{' '}
        {named(shown, use.involved)}.{' '}
        {isOverdue(use, now) ? (
          <>
            It was to be looked at until <Time at={use.reviewBy} now={now} />; {use.target} is
            frozen, and two people start it again on <a href="/controls">Controls</a>.
          </>
        ) : (
          <>
            To be looked at until <Time at={use.reviewBy} now={now} />, or {use.target} is frozen.
          </>
        )}
      </p>
      <p class="small muted">
        Looked at: {signedBy.length} of {use.reviews}
        {signedBy.length === 0 ? '' : ` (${named(shown, signedBy)})`}. Whoever finds that it should
        not have been stops the target or returns it to an earlier release.
      </p>
      {isMine || hasSigned ? (
        <p>{isMine ? 'You took part in it; somebody else looks at it.' : 'You looked at it.'}</p>
      ) : (
        <PasskeyForm
          purpose="approve"
          optionsUrl={`${url}/options`}
          finishUrl={url}
          doneUrl="/reviews"
          csrfToken={frame.csrfToken}
          promotionDigest={use.promotionDigest}
        >
          <details>
            <summary>What your passkey signs</summary>
            <CodeBlock slot="statement" label="The statement">
              {use.promotionDigest}
            </CodeBlock>
          </details>
          <Button icon="key">I have looked at it</Button>
        </PasskeyForm>
      )}
    </Card>
  );
}

const Delivered = ({ use }: Pick<ShownUse, 'use'>) => (
  <>
    <a href={`/promotions/${use.promotionId}`}>{plain(use.release)}</a> to {use.target} by{' '}
    <a href={`/deliveries/${use.deliveryId}`}>{use.deliveryId}</a>,{' '}
    {use.kind === 'break-glass' ? 'by break-glass' : 'outside its windows'}
  </>
);

const named = ({ names }: ShownUse, ids: readonly string[]): string =>
  plain(ids.map((id) => names.get(id) ?? id).join(', '));

const why = (justification: string | null): string =>
  justification === null
    ? 'The database no longer has the document with its justification.'
    : `“${plain(justification)}”`;
