import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CheckList } from '@airlock/web/views/check-list';
import { CodeBlock, Digest } from '@airlock/web/views/code-block';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import { reported, type Check } from '../../app/checks.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { sorted } from '../../domain/sentences.ts';
import { WaiverBanner, WaiverCards } from './waiver-card.tsx';
import { Differences, OneBuilder } from './builders.tsx';
import { Changes, TakenBack } from './changes.tsx';
import { CheckEvidence } from './check-evidence.tsx';
import { DecisionBox } from './decision-box.tsx';
import type { PromotionPageProps } from './promotion-page-props.ts';
import { RemarkCard } from './remark-card.tsx';
import { ReturnAnswers } from './return-answers.tsx';
import { RunningBanner } from './running.tsx';
import { PromotionShadow } from './shadow.tsx';
import { StartCard } from './start-card.tsx';
import { headlineOf, plain, titleOf } from './words.ts';
import { PlannedCredentials } from './planned-credentials.tsx';

/** Why it may or may not pass, what changes, and the decision: everything an approver signs, on one page. */
export function PromotionPage(props: PromotionPageProps) {
  const { frame, view, checks, now, seen } = props;
  const { promotion, delivery } = view;
  const url = `/promotions/${promotion.id}`;
  const { kind, title, text } = headlineOf(view);
  const met = checks.filter(({ status }) => status === 'pass').length;
  const asked = checks.filter(({ status }) => status !== 'skip').length;
  return (
    <Layout
      frame={frame}
      title={plain(titleOf(promotion))}
      breadcrumbs={[
        { label: 'Queue', href: '/queue' },
        { label: promotion.target, href: `/targets/${promotion.target}` },
        { label: plain(promotion.release) },
      ]}
      scripts={['passkey.js']}
      live={`${url}/events?seen=${encodeURIComponent(seen)}`}
    >
      <VerdictBanner
        kind={kind}
        title={title}
        text={
          <>
            {text}{' '}
            {promotion.state === 'waiting' ? (
              <>
                {view.verdict.allowed ? null : `${met} of ${asked} checks pass. `} Waits until{' '}
                <Time at={promotion.expiresAt} now={now} />.
              </>
            ) : delivery === null ? null : (
              <a href={`/deliveries/${delivery.id}`}>See the delivery</a>
            )}
          </>
        }
      />
      <WaiverBanner view={view} />
      <OtherReasons view={view} />
      <TakenBack view={view} />
      <OneBuilder view={view} />
      {view.sighting === null ? null : (
        <RunningBanner
          target={promotion.target}
          release={view.previous?.release ?? ''}
          sighting={view.sighting}
          now={now}
        />
      )}
      <WithAside aside={<Aside {...props} />}>
        <SectionHeading note={`${met} / ${asked}`}>
          {promotion.state === 'waiting' ? 'Why it may or may not pass' : 'What was checked'}
        </SectionHeading>
        <CheckList checks={checks.map((check) => checkRow(check, view))} />
        <ReturnAnswers view={view} />
        <PromotionShadow facts={view.facts} />
        <Differences view={view} />
        <Changes view={view} now={now} />
      </WithAside>
    </Layout>
  );
}

/** What is to be mended besides the sentence on top. */
function OtherReasons({ view: { verdict, promotion } }: Pick<PromotionPageProps, 'view'>) {
  if (verdict.allowed || promotion.state !== 'waiting') return null;
  const [, ...others] = sorted(verdict);
  if (others.length === 0) return null;
  return (
    <ul>
      {others.map(({ text }) => (
        <li key={text}>{plain(text)}</li>
      ))}
    </ul>
  );
}

function checkRow(check: Check, view: PromotionDetails) {
  const { id, status, title, summary } = check;
  return {
    ...{ id, status, title, summary: plain(summary) },
    children: (
      <>
        <CheckEvidence check={check} />
        <p class="small">
          <a href={`/promotions/${view.promotion.id}/checks/${id}`}>What this check asks</a>
        </p>
      </>
    ),
    open: id === 'approvals' ? view.promotion.state === 'waiting' : status === 'fail',
  };
}

function Aside(props: PromotionPageProps) {
  const { view, now } = props;
  const { promotion, policy, requester, delivery } = view;
  const askedBy = promotion.returns === null ? reported : 'asked at this gate';
  return (
    <>
      <StartCard {...props} />
      <DecisionBox {...props} />
      <RemarkCard {...props} />
      <WaiverCards {...props} />
      <Card title="Asked" icon="person">
        <DescriptionList
          items={[
            {
              term: 'By',
              value: requester?.name ?? plain(promotion.requester),
              source: askedBy,
            },
            { term: 'Because', value: plain(promotion.reason) || '–', source: askedBy },
            { term: 'At', value: <Time at={promotion.requestedAt} now={now} />, source: askedBy },
            {
              term: 'Taken in',
              value: <Time at={promotion.admittedAt} now={now} />,
              source:
                promotion.returns === null
                  ? 'by this gate, after every check of the bundle'
                  : 'by this gate, which checked the kept bundle once more',
            },
          ]}
        />
      </Card>
      {policy === null || promotion.state !== 'waiting' ? null : (
        <Card title="Afterwards" icon="rocket">
          <p class="small">
            {view.facts.start === null
              ? 'After the last approval the delivery starts by itself: hook'
              : 'After the last approval somebody starts the delivery: hook'}{' '}
            <code>{promotion.hook.slice(0, promotion.hook.indexOf('@'))}</code>, with{' '}
            <PlannedCredentials policy={policy} />.
          </p>
        </Card>
      )}
      <Card title="The same by command" icon="terminal">
        <CodeBlock label="Commands" wrap>
          {[
            `airlock release show ${promotion.id}`,
            ...(promotion.state === 'waiting' ? [`airlock approve ${promotion.id}`] : []),
            ...(promotion.state === 'waiting' && view.facts.start !== null
              ? [`airlock deliver ${promotion.id}`]
              : []),
            ...(delivery?.finishedAt == null ? [] : [`airlock evidence ${promotion.id}`]),
          ].join('\n')}
        </CodeBlock>
        <p class="small muted">
          The command shows the same digest from another machine:{' '}
          <Digest value={`sha256:${promotion.promotionDigest}`} />
        </p>
      </Card>
      {delivery?.finishedAt == null ? null : (
        <Card title="Evidence" icon="archive">
          <p class="small">
            Everything that an auditor needs to check this offline, with <code>airlock verify</code>
            :{' '}
            <a href={`/api/v1/promotions/${promotion.id}/evidence`} download>
              {promotion.id}-evidence.tar
            </a>
          </p>
          <p class="small">
            Signed by this gate:{' '}
            <a href={`/promotions/${promotion.id}/vsa`}>verification summary</a>,{' '}
            <a href={`/deliveries/${delivery.id}/statement`}>delivery statement</a>. Non-prod’s{' '}
            <a href={`/promotions/${promotion.id}/bundle.intoto.jsonl`}>bundle</a> as it was taken
            in.
          </p>
        </Card>
      )}
    </>
  );
}
