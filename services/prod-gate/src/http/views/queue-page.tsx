import { Badge, Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { ItemList, type Item } from '@airlock/web/views/item-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { reported } from '../../app/checks.ts';
import { isNarrow, narrowQueue, targetsOf, type QueueFilter } from '../../app/narrow-queue.ts';
import type { PromotionView } from '../../app/view-promotion.ts';
import type { QueueView } from '../../app/view-queue.ts';
import type { KnownStop } from '../../domain/stop.ts';
import type { ListedPromotion } from '../../domain/promotion.ts';
import { noFirsts } from '../../domain/firsts.ts';
import { flagsOf } from './flags.ts';
import { FreezeBanner } from './freeze-banner.tsx';
import { HeldBanner } from './held-banner.tsx';
import { QueueSearch } from './queue-search.tsx';
import { Running, RunningBanner } from './running.tsx';
import { StopBanner } from './stop-banner.tsx';
import { headlineOf, plain, promotionTone, titleOf, toneOf } from './words.ts';

/** The first page: what to do now comes first, what needs nothing comes last. */
export function QueuePage({
  frame,
  queue,
  filter,
  stops,
  nonprodOrigin,
  now,
  seen,
}: {
  readonly frame: Frame;
  /** All of it: banners and the count in the title are of the whole queue, whatever the filter shows. */
  readonly queue: QueueView;
  readonly filter: QueueFilter;
  readonly stops: readonly KnownStop[];
  readonly nonprodOrigin: string | null;
  readonly now: Date;
  /** What the page shows, for the stream to compare with. */
  readonly seen: string;
}) {
  const { needsYou, inProgress, waitingForOthers, live, empty, ended, refused } = narrowQueue(
    queue,
    filter,
  );
  const idle = needsYou.length + inProgress.length + waitingForOthers.length === 0;
  const yours = queue.needsYou.length;
  return (
    <Layout
      frame={frame}
      title={yours === 0 ? 'Queue' : `(${yours}) Queue`}
      heading="Queue"
      live={`/queue/events?seen=${encodeURIComponent(seen)}`}
    >
      {stops.map((stop) => (
        <StopBanner key={stop.id} stop={stop} />
      ))}
      {queue.freezes.map((freeze) => (
        <FreezeBanner key={freeze.repository} freeze={freeze} />
      ))}
      {queue.held.map((session) => (
        <HeldBanner key={session.id} session={session} />
      ))}
      {queue.live.map(({ target, release, sighting }) => (
        <RunningBanner
          key={target}
          target={target}
          release={release}
          sighting={sighting}
          now={now}
        />
      ))}
      <QueueSearch filter={filter} targets={targetsOf(queue)} />
      {idle && isNarrow(filter) ? (
        <EmptyState title="Nothing that waits or runs answers this filter.">
          Live, ended and refused below are narrowed too. <a href="/queue">Show the whole queue</a>
        </EmptyState>
      ) : idle ? (
        <EmptyState title="Nothing waits.">
          Releases come here when somebody asks for them in{' '}
          {nonprodOrigin === null ? 'non-prod' : <a href={nonprodOrigin}>the non-prod CI</a>}.
        </EmptyState>
      ) : null}
      <Section title="Needs you" views={needsYou} now={now} review />
      <Section title="In progress" views={inProgress} now={now} />
      <Section title="Waiting for others" views={waitingForOthers} now={now} />
      <SectionHeading>Live now</SectionHeading>
      <DataTable
        caption="What is live on each target"
        rows={[...live, ...empty.map((target) => ({ target }))]}
        empty={
          isNarrow(filter)
            ? 'No target answers this filter.'
            : 'No target. Targets are files of the gate: targets/<name>.yaml.'
        }
        columns={[
          {
            label: 'Target',
            nowrap: true,
            cell: ({ target }) => <a href={`/targets/${target}`}>{target}</a>,
          },
          {
            label: 'Release',
            wide: true,
            cell: (row) =>
              'release' in row ? (
                <a href={`/promotions/${row.promotionId}`}>{plain(row.release)}</a>
              ) : (
                <span class="muted">nothing yet; the first delivery has no comparison</span>
              ),
          },
          {
            label: 'Commit',
            kind: 'mono',
            cell: (row) => ('release' in row ? row.commit.slice(0, 8) : ''),
          },
          {
            label: 'Since',
            nowrap: true,
            cell: (row) => ('release' in row ? <Time at={row.since} now={now} /> : ''),
          },
          {
            label: 'Runs',
            wide: true,
            cell: (row) => ('release' in row ? <Running sighting={row.sighting} now={now} /> : ''),
          },
        ]}
      />
      {ended.length === 0 ? null : (
        <>
          <SectionHeading>Ended lately</SectionHeading>
          <Ended promotions={ended} now={now} />
        </>
      )}
      <SectionHeading note={refused.length === 0 ? undefined : refused.length} id="refused">
        Refused at the door
      </SectionHeading>
      <DataTable
        caption="Requests that were pulled and not taken in"
        rows={refused}
        empty={
          isNarrow(filter)
            ? 'No refused request answers this filter.'
            : 'Nothing was refused. A request that fails a check is listed here with its code and how to mend it.'
        }
        columns={[
          {
            label: 'Code',
            kind: 'mono',
            cell: ({ code }) => code ?? '',
          },
          {
            label: 'Why, and how to mend it',
            wide: true,
            cell: ({ meaning, mend, detail }) => (
              <>
                {meaning} {mend}
                {detail === null ? null : <div class="small muted">{plain(detail)}</div>}
              </>
            ),
          },
          {
            label: 'Asked for',
            nowrap: true,
            cell: ({ claimedTarget, requestId }) => (
              <>
                {plain(claimedTarget)}
                <div class="small muted">
                  <code>{plain(requestId)}</code>
                  <br />
                  {reported}
                </div>
              </>
            ),
          },
          {
            label: 'Pulled',
            nowrap: true,
            cell: ({ receivedAt }) => <Time at={receivedAt} now={now} />,
          },
        ]}
      />
    </Layout>
  );
}

function Section({
  title,
  views,
  now,
  review = false,
}: {
  readonly title: string;
  readonly views: readonly PromotionView[];
  readonly now: Date;
  readonly review?: boolean;
}) {
  if (views.length === 0) return null;
  return (
    <>
      <SectionHeading note={views.length}>{title}</SectionHeading>
      <ItemList items={views.map((view) => itemOf(view, now, review))} />
    </>
  );
}

function itemOf(view: PromotionView, now: Date, review: boolean): Item {
  const { promotion, delivery, requester } = view;
  const { kind, title, text } = headlineOf(view);
  const tone = toneOf(kind);
  const url = `/promotions/${promotion.id}`;
  return {
    id: promotion.id,
    tone,
    title: (
      <>
        <a href={url}>{plain(titleOf({ ...promotion, target: '' }).replace(/ \u2192 $/, ''))}</a> →{' '}
        {promotion.target}
      </>
    ),
    status: <Status tone={tone}>{`${title} ${text}`}</Status>,
    meta: (
      <>
        asked by {requester?.name ?? plain(promotion.requester)},{' '}
        <Time at={promotion.requestedAt} now={now} />{' '}
        {flagsOf({ promotion, firsts: noFirsts, newer: null, previous: null }).map(
          ({ text: flag, tone: flagTone }) => (
            <Badge key={flag} {...(flagTone === undefined ? {} : { tone: flagTone })}>
              {flag}
            </Badge>
          ),
        )}
      </>
    ),
    ...(review
      ? {
          action: (
            <Button href={url} kind="primary">
              Review
            </Button>
          ),
        }
      : delivery === null
        ? {}
        : { action: <Button href={`/deliveries/${delivery.id}`}>Watch</Button> }),
  };
}

function Ended({
  promotions,
  now,
}: {
  readonly promotions: readonly ListedPromotion[];
  readonly now: Date;
}) {
  return (
    <DataTable
      caption="Promotions that ended lately, newest first"
      rows={promotions}
      empty="None."
      columns={[
        {
          label: 'Release',
          nowrap: true,
          cell: ({ id, release, returns }) => (
            <a href={`/promotions/${id}`}>
              {returns === null ? '' : 'Return to '}
              {plain(release)}
            </a>
          ),
        },
        { label: 'Target', nowrap: true, cell: ({ target }) => target },
        {
          label: 'How it ended',
          wide: true,
          cell: ({ state, stateReason }) => (
            <Status tone={promotionTone(state)}>
              {stateReason === null ? state : `${state}: ${plain(stateReason)}`}
            </Status>
          ),
        },
        {
          label: 'When',
          nowrap: true,
          cell: ({ stateChangedAt }) => <Time at={stateChangedAt} now={now} />,
        },
      ]}
    />
  );
}
