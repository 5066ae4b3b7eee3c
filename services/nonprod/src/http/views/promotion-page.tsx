import { Badge, Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { ItemList } from '@airlock/web/views/item-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { StepList } from '@airlock/web/views/step-list';
import { Time, timeText } from '@airlock/web/views/time';
import { VerdictBanner, type VerdictKind } from '@airlock/web/views/verdict-banner';
import type { PromotionSummary } from '../../app/page-queries.ts';
import { isStale } from '../../domain/promotion-status.ts';
import { promotionSentence, type Tone } from './words.ts';

const asReported = 'as the gate reported, not decided here';

export function PromotionListPage({
  frame,
  mine,
  promotions,
  now,
}: {
  readonly frame: Frame;
  readonly mine: readonly PromotionSummary[];
  readonly promotions: readonly PromotionSummary[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Promotions" live="/promotions/events">
      <SectionHeading note={mine.length}>Asked by you</SectionHeading>
      {mine.length === 0 ? (
        <p class="muted">
          You have not asked for any. Choose a <a href="/candidates">candidate</a>.
        </p>
      ) : (
        <ItemList
          items={mine.map((promotion) => {
            const { tone, text } = promotionSentence(promotion);
            return {
              id: promotion.id,
              tone,
              title: (
                <>
                  <a href={`/promotions/${promotion.id}`}>{promotion.release}</a> →{' '}
                  {promotion.target}
                </>
              ),
              status: <Status tone={tone}>{text}</Status>,
              meta: (
                <>
                  asked <Time at={promotion.requestedAt} now={now} />
                </>
              ),
            };
          })}
        />
      )}
      <SectionHeading note={promotions.length}>Everybody’s</SectionHeading>
      <DataTable
        caption="Promotions asked, newest first"
        rows={promotions}
        empty={
          <>
            Nobody has asked for a promotion yet. Choose a <a href="/candidates">candidate</a>.
          </>
        }
        columns={[
          {
            label: 'Release',
            nowrap: true,
            cell: (each) => <a href={`/promotions/${each.id}`}>{each.release}</a>,
          },
          { label: 'Target', nowrap: true, cell: (each) => each.target },
          {
            label: 'Where it stands',
            wide: true,
            cell: (each) => {
              const { tone, text } = promotionSentence(each);
              return <Status tone={tone}>{text}</Status>;
            },
          },
          { label: 'By', nowrap: true, cell: (each) => each.requesterName },
          {
            label: 'Asked',
            nowrap: true,
            cell: (each) => <Time at={each.requestedAt} now={now} />,
          },
        ]}
      />
    </Layout>
  );
}

const bannerOf: Readonly<Record<Tone, VerdictKind>> = {
  good: 'none',
  bad: 'fix',
  wait: 'time',
  busy: 'progress',
  plain: 'info',
};

export function PromotionPage({
  frame,
  promotion,
  gateSeenAt,
  now,
  seen,
}: {
  readonly frame: Frame;
  readonly promotion: PromotionSummary;
  readonly gateSeenAt: Date | null;
  readonly now: Date;
  /** What the page shows, for the stream to compare with. */
  readonly seen: string;
}) {
  const { tone, text } = promotionSentence(promotion);
  const { status } = promotion;
  const title = `${promotion.release} → ${promotion.target}`;
  return (
    <Layout
      frame={frame}
      title={title}
      breadcrumbs={[{ label: 'Promotions', href: '/promotions' }, { label: promotion.release }]}
      live={`/promotions/${promotion.id}/events?seen=${encodeURIComponent(seen)}`}
    >
      <VerdictBanner
        kind={bannerOf[tone]}
        title={text}
        text={status === null ? '' : `As reported by the gate at ${timeText(status.at, now)}.`}
      />
      {isStale(gateSeenAt, now) ? (
        <VerdictBanner
          kind="system"
          title={
            gateSeenAt === null
              ? 'The gate has not called yet.'
              : `Gate last seen ${timeText(gateSeenAt, now)}; this may be old.`
          }
          text="The gate reads requests by itself; nothing here can hurry it."
        />
      ) : null}
      <WithAside
        aside={
          <Card title="This request" icon="rocket">
            <DescriptionList
              items={[
                { term: 'Id', value: <code>{promotion.id}</code> },
                {
                  term: 'Candidate',
                  value: <a href={`/candidates/${promotion.candidateId}`}>{promotion.release}</a>,
                },
                { term: 'Asked by', value: promotion.requesterName },
                { term: 'Reason', value: promotion.reason },
              ]}
            />
            {status?.page != null ? (
              <Button href={status.page} icon="link-external" block>
                Open at the gate
              </Button>
            ) : null}
          </Card>
        }
      >
        <SectionHeading>The way so far</SectionHeading>
        <StepList steps={timeline(promotion, now)} />
        {status === null ? null : (
          <DescriptionList
            items={[
              { term: 'State at the gate', value: status.state, source: asReported },
              ...(status.codes.length === 0
                ? []
                : [
                    {
                      term: 'Codes',
                      value: status.codes.map((code) => <Badge key={code}>{code}</Badge>),
                      source: asReported,
                    },
                  ]),
              ...(status.promotion === null
                ? []
                : [
                    {
                      term: 'Promotion',
                      value: <code>{status.promotion}</code>,
                      source: asReported,
                    },
                  ]),
            ]}
          />
        )}
      </WithAside>
    </Layout>
  );
}

function timeline(promotion: PromotionSummary, now: Date) {
  const { status, publishedAt } = promotion;
  const { tone } = promotionSentence(promotion);
  return [
    {
      id: 'asked',
      tone: 'good' as const,
      title: 'Asked',
      detail: <Time at={promotion.requestedAt} now={now} />,
    },
    {
      id: 'signed',
      tone:
        publishedAt !== null
          ? ('good' as const)
          : promotion.state === 'refused'
            ? tone
            : ('wait' as const),
      title: 'Signed and laid out',
      detail: publishedAt === null ? '–' : <Time at={publishedAt} now={now} />,
    },
    {
      id: 'gate',
      tone: status === null ? ('plain' as const) : tone,
      title: 'At the gate',
      detail:
        status === null ? (
          '–'
        ) : (
          <>
            {status.state}, <Time at={status.at} now={now} />
          </>
        ),
    },
  ];
}
