import { Status, type Tone } from '@airlock/web/views/badge';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { CodeBlock } from '@airlock/web/views/code-block';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { LogView } from '@airlock/web/views/log-view';
import { StepList, type Step } from '@airlock/web/views/step-list';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { Delivery, DeliveryLogLine } from '../../app/delivery-ports.ts';
import type { VaultSession } from '../../app/vault-session-ports.ts';
import type { Verification } from '../../domain/delivery.ts';
import type { Promotion } from '../../domain/promotion.ts';
import type { KnownStop } from '../../domain/stop.ts';
import { HeldBanner } from './held-banner.tsx';
import { leaseRows, LeaseTable } from './lease-table.tsx';
import { logLine } from './log-line.ts';
import { StopBanner } from './stop-banner.tsx';
import { deliveryHeadline, deliveryTone, plain, seconds } from './words.ts';

export function DeliveryPage({
  frame,
  delivery,
  promotion,
  session,
  stops,
  log,
  now,
  seen,
}: {
  readonly frame: Frame;
  readonly delivery: Delivery;
  readonly promotion: Promotion;
  readonly session: VaultSession | null;
  /** In force, and placed before it ended. */
  readonly stops: readonly KnownStop[];
  readonly log: readonly DeliveryLogLine[];
  readonly now: Date;
  readonly seen: string;
}) {
  const url = `/deliveries/${delivery.id}`;
  const release = plain(promotion.release);
  const { kind, title, text } = deliveryHeadline(delivery, release);
  const running = delivery.state === 'running';
  return (
    <Layout
      frame={frame}
      title={`${running ? 'Delivering' : 'Delivery of'} ${release} to ${delivery.target}`}
      breadcrumbs={[
        { label: delivery.target, href: `/targets/${delivery.target}` },
        { label: release, href: `/promotions/${promotion.id}` },
        { label: `delivery ${delivery.id}` },
      ]}
      {...(running || session?.state !== 'CLEAN'
        ? { live: `${url}/events?seen=${encodeURIComponent(seen)}` }
        : {})}
      {...(running ? { scripts: ['log.js' as const] } : {})}
    >
      <VerdictBanner kind={kind} title={title} text={text} />
      {stops.map((stop) => (
        <StopBanner key={stop.id} stop={stop} />
      ))}
      {session === null ? null : <HeldBanner session={session} />}
      <StepList steps={stepsOf(delivery, session, promotion, now)} />
      <SectionHeading>Credentials</SectionHeading>
      <LeaseTable
        rows={session === null ? [] : leaseRows([session])}
        now={now}
        empty={
          running
            ? 'None yet: the delivery is announced in the ledger before anything is asked of Vault.'
            : 'None was ever asked for.'
        }
      />
      <SectionHeading>Log of the hook</SectionHeading>
      <LogView
        lines={log.map(logLine)}
        label="Log of the hook"
        {...(running ? { streamUrl: `${url}/lines` } : {})}
        wholeUrl={`${url}/log.txt`}
        empty={running ? 'No output yet.' : 'It wrote nothing.'}
      />
      <SectionHeading>Record</SectionHeading>
      <DescriptionList
        items={[
          { term: 'Promotion', value: <a href={`/promotions/${promotion.id}`}>{promotion.id}</a> },
          { term: 'Hook', value: <code>{promotion.hook}</code> },
          { term: 'Artifact', value: <code>sha256:{promotion.artifactDigest}</code> },
          { term: 'Intent in the ledger', value: <code>{delivery.intentDigest}</code> },
          { term: 'Began', value: <Time at={delivery.startedAt} now={now} /> },
          ...(delivery.finishedAt === null
            ? []
            : [{ term: 'Ended', value: <Time at={delivery.finishedAt} now={now} /> }]),
          ...(delivery.finishedAt === null
            ? []
            : [
                {
                  term: 'Statement',
                  value: (
                    <a href={`/deliveries/${delivery.id}/statement`}>
                      signed by the authority (DSSE)
                    </a>
                  ),
                },
              ]),
          ...(delivery.hookExit === null
            ? []
            : [{ term: 'Exit of the hook', value: String(delivery.hookExit) }]),
        ]}
      />
      {delivery.hookResult === null || delivery.hookResult === undefined ? null : (
        <CodeBlock label="Result of the hook">
          {JSON.stringify(delivery.hookResult, null, 2).split('\n').map(plain).join('\n')}
        </CodeBlock>
      )}
    </Layout>
  );
}

interface Span {
  readonly id: string;
  readonly title: string;
  readonly from: Date | null;
  readonly to: Date | null;
}

/** What happens, in order; each begins where the one before it ended. */
function stepsOf(
  delivery: Delivery,
  session: VaultSession | null,
  promotion: Promotion,
  now: Date,
): Step[] {
  // The step is over with the last one.
  const issued = session?.credentials.flatMap(({ issuedAt }) => issuedAt ?? []) ?? [];
  const issuedAt =
    issued.length > 0 && issued.length === session?.credentials.length
      ? (issued.at(-1) ?? null)
      : null;
  const { verification } = delivery;
  // With a verification the credential lives on after the hook, and when it was given back is not kept.
  const revokeFrom =
    verification === null
      ? (delivery.hookFinishedAt ?? (delivery.finishedAt === null ? null : issuedAt))
      : null;
  const spans: Span[] = [
    {
      id: 'intent',
      title: 'Announce in the ledger',
      from: delivery.startedAt,
      to: session?.createdAt ?? null,
    },
    {
      id: 'credential',
      title: 'Lease credentials',
      from: session?.createdAt ?? null,
      to: issuedAt,
    },
    {
      id: 'hook',
      title: `Hook ${promotion.hook.slice(0, promotion.hook.indexOf('@'))}`,
      from: delivery.hookStartedAt,
      to: delivery.hookFinishedAt,
    },
    {
      id: 'revoke',
      title: 'Revoke what was leased',
      from: revokeFrom,
      to: session?.revokedAt ?? null,
    },
    {
      id: 'outcome',
      title: 'Outcome in the ledger',
      from: session?.revokedAt ?? null,
      to: delivery.finishedAt,
    },
  ];
  const steps: Step[] = spans.map(({ id, title, from, to }) => ({
    id,
    title,
    tone: toneOfSpan(delivery, id, from, to),
    detail: seconds(from, to) ?? (from === null ? '–' : (seconds(from, now) ?? '–')),
  }));
  if (verification !== null) {
    const after = steps.findIndex(({ id }) => id === 'hook') + 1;
    steps.splice(after, 0, verifyStep(delivery, verification));
  }
  return steps;
}

function verifyStep(delivery: Delivery, verification: Verification): Step {
  const step = { id: 'verify', title: 'Look whether it is well' };
  switch (verification) {
    case 'passed':
      return { ...step, tone: 'good', detail: 'it was' };
    case 'returned':
      return { ...step, tone: 'bad', detail: 'it was not; the release before is back' };
    case 'failed':
      return { ...step, tone: 'bad', detail: 'it was not' };
    case 'due':
      if (delivery.state !== 'running') return { ...step, tone: 'plain', detail: 'not seen' };
      return delivery.hookFinishedAt === null
        ? { ...step, tone: 'wait', detail: '–' }
        : { ...step, tone: 'busy', detail: '–' };
  }
}

function toneOfSpan(delivery: Delivery, id: string, from: Date | null, to: Date | null): Tone {
  if (id === 'revoke' && to === null && delivery.step === 'revoke') return 'busy';
  if (id === 'hook' && to !== null && delivery.hookExit !== 0) return 'bad';
  if (id === 'outcome' && delivery.finishedAt !== null) return deliveryTone[delivery.state];
  if (to !== null) return 'good';
  if (from === null) return delivery.state === 'running' ? 'wait' : 'plain';
  return delivery.state === 'running' || id === 'revoke' ? 'busy' : 'bad';
}

/** Deliveries of a target, newest first. */
export function DeliveryTable({
  deliveries,
  now,
}: {
  readonly deliveries: readonly Delivery[];
  readonly now: Date;
}) {
  return (
    <DataTable
      caption="Deliveries, newest first"
      rows={deliveries}
      empty="Nothing was delivered here yet."
      columns={[
        {
          label: 'Delivery',
          kind: 'mono',
          cell: ({ id }) => <a href={`/deliveries/${id}`}>{id}</a>,
        },
        {
          label: 'Outcome',
          wide: true,
          cell: ({ state, outcomeReason }) => (
            <Status tone={deliveryTone[state]}>
              {outcomeReason === null ? state : `${state}: ${plain(outcomeReason)}`}
            </Status>
          ),
        },
        {
          label: 'Promotion',
          kind: 'mono',
          cell: ({ promotionId }) => <a href={`/promotions/${promotionId}`}>{promotionId}</a>,
        },
        {
          label: 'Began',
          nowrap: true,
          cell: ({ startedAt }) => <Time at={startedAt} now={now} />,
        },
        {
          label: 'Took',
          kind: 'number',
          nowrap: true,
          cell: ({ startedAt, finishedAt }) => seconds(startedAt, finishedAt) ?? '–',
        },
      ]}
    />
  );
}
