import { Status } from '@airlock/web/views/badge';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { Delivery } from '../../app/delivery-ports.ts';
import type { LiveRelease, RepositoryFreeze } from '../../app/promotion-ports.ts';
import type { VaultSession } from '../../app/vault-session-ports.ts';
import type { KnownStop } from '../../domain/stop.ts';
import type { NotedShadow } from '../../domain/shadow.ts';
import type { Sighting } from '../../domain/sighting.ts';
import type { LiveTouched } from '../../app/view-blast-radius.ts';
import { HeldBanner } from './held-banner.tsx';
import { QuarantineBanner } from './live-touched.tsx';
import { FreezeBanner } from './freeze-banner.tsx';
import { Running, RunningBanner } from './running.tsx';
import { StopBanner } from './stop-banner.tsx';
import { DeliveryTable } from './delivery-page.tsx';
import { TargetShadow } from './shadow.tsx';
import { count, plain } from './words.ts';
import { PlannedCredentials } from './planned-credentials.tsx';

export interface TargetView {
  readonly name: string;
  /** Null when deliveries are on record and the file is gone. */
  readonly policy: { readonly policy: TargetPolicy; readonly digest: string } | null;
  readonly roster: Roster;
  readonly live: LiveRelease | null;
  readonly deliveries: readonly Delivery[];
  /** Of an earlier delivery, not proven gone. */
  readonly session: VaultSession | null;
  /** Of the repository that it admits. */
  readonly freeze: RepositoryFreeze | null;
  /** In force here. */
  readonly stops: readonly KnownStop[];
  /** Where rules on trial would have decided otherwise, newest first. */
  readonly shadows: readonly NotedShadow[];
  /** What runs there; null while nothing is live. */
  readonly sighting: Sighting | null;
  /** Quarantines of what its live release rests on. */
  readonly touched: readonly LiveTouched[];
}

export function TargetPage({
  frame,
  target,
  now,
}: {
  readonly frame: Frame;
  readonly target: TargetView;
  readonly now: Date;
}) {
  const { name, policy, live, deliveries, freeze, session, stops, touched, sighting } = target;
  return (
    <Layout
      frame={frame}
      title={name}
      breadcrumbs={[{ label: 'Targets', href: '/targets' }, { label: name }]}
    >
      {policy === null ? (
        <VerdictBanner
          kind="fix"
          title="There is no file for this target."
          text={`Nothing is taken in or delivered until somebody of platform puts targets/${name}.yaml back.`}
        />
      ) : null}
      {stops
        // Its own banner says all of one that what is live rests on.
        .filter(({ id }) => !touched.some(({ stop }) => stop.id === id))
        .map((stop) => (
          <StopBanner key={stop.id} stop={stop} />
        ))}
      {freeze === null ? null : <FreezeBanner freeze={freeze} />}
      {session === null ? null : <HeldBanner session={session} />}
      {touched.map((each) => (
        <QuarantineBanner key={each.stop.id} touched={each} />
      ))}
      {live === null || sighting === null ? null : (
        <RunningBanner target={name} release={live.release} sighting={sighting} now={now} />
      )}
      <WithAside aside={policy === null ? null : <Rules target={target} />}>
        <SectionHeading>Live now</SectionHeading>
        {live === null ? (
          <p class="muted">Nothing yet; the first delivery has no comparison.</p>
        ) : (
          <DescriptionList
            items={[
              {
                term: 'Release',
                value: <a href={`/promotions/${live.promotionId}`}>{plain(live.release)}</a>,
              },
              { term: 'Commit', value: <code>{live.commit}</code> },
              { term: 'Artifact', value: <code>sha256:{live.artifactDigest}</code> },
              { term: 'Since', value: <Time at={live.since} now={now} /> },
              ...(sighting === null
                ? []
                : [{ term: 'Runs', value: <Running sighting={sighting} now={now} /> }]),
              {
                term: 'Delivery',
                value: <a href={`/deliveries/${live.deliveryId}`}>{live.deliveryId}</a>,
              },
            ]}
          />
        )}
        {live === null ? null : (
          <p class="small">
            <a href={`/targets/${name}/return`}>Return to an earlier release</a>
          </p>
        )}
        <SectionHeading>Deliveries</SectionHeading>
        <DeliveryTable deliveries={deliveries} now={now} />
        <TargetShadow policy={policy} shadows={target.shadows} now={now} />
      </WithAside>
    </Layout>
  );
}

const commitsAsked = {
  required: 'signed by a key of the roster',
  'not-required': 'signed or not',
} as const;

function buildersAsked({ threshold, of }: TargetPolicy['admits'][number]['builders']) {
  if (of.length > 0 && threshold > 1)
    return `${threshold} of ${of.length + 1} must make the same bytes`;
  return <Status tone="bad">one is enough: the bytes rest on it alone</Status>;
}

type ApprovalRule = TargetPolicy['approvals']['rules'][number];

function RuleInWords({
  rule,
  people,
}: {
  readonly rule: ApprovalRule;
  readonly people: Roster['people'];
}) {
  const names = people.filter(({ roles }) => roles.includes(rule.role)).map(({ name }) => name);
  return (
    <>
      {rule.count} of {rule.role.replaceAll('-', ' ')} ({names.join(', ') || 'nobody yet'})
      {rule.when === undefined ? null : (
        <>
          {' '}
          when <code>{rule.when}</code>
        </>
      )}
    </>
  );
}

function inWords(seconds: number): string {
  if (seconds % 3600 === 0) return count(seconds / 3600, 'hour');
  return seconds % 60 === 0 ? count(seconds / 60, 'minute') : count(seconds, 'second');
}

/** At least: conditions may ask for more. */
function approvalsAsked(rules: readonly ApprovalRule[]): string {
  const always = rules.filter(({ when }) => when === undefined);
  const least = count(
    always.reduce((sum, rule) => sum + rule.count, 0),
    'approval',
  );
  return always.length === rules.length ? least : `${least} or more`;
}

function HookLink({ hook }: { readonly hook: string }) {
  return (
    <a href={`/hooks/${hook.slice(0, hook.indexOf('@'))}`}>
      <code>{hook}</code>
    </a>
  );
}

function Rules({ target }: { readonly target: TargetView }) {
  if (target.policy === null) return null;
  const { policy, digest } = target.policy;
  const { rules } = policy.approvals;
  const [admits] = policy.admits;
  return (
    <Card title="Rules" icon="shield-lock">
      <DescriptionList
        items={[
          { term: 'Takes in', value: `${admits?.subject ?? ''} from ${admits?.repo ?? ''}` },
          { term: 'Built by', value: <code>{admits?.builders.id}</code> },
          { term: 'Builders', value: admits && buildersAsked(admits.builders) },
          { term: 'Commits', value: admits && commitsAsked[admits.signedCommits] },
          { term: 'Tests', value: admits?.tests.replace('-', ' ') ?? '' },
          ...rules.map((rule) => ({
            term: rule.when === undefined ? 'Approvals' : 'And where it matters',
            value: <RuleInWords rule={rule} people={target.roster.people} />,
          })),
          { term: 'Never counts', value: policy.approvals.exclude.join(', ') },
          { term: 'Waits at most', value: `${policy.approvals.expires / 3600} h` },
          { term: 'Hook', value: <HookLink hook={policy.deliver.hook} /> },
          ...(policy.observe === undefined
            ? []
            : [
                {
                  term: 'Looked at',
                  value: (
                    <>
                      every {inWords(policy.observe.every)} by{' '}
                      <HookLink hook={policy.observe.hook} />
                    </>
                  ),
                },
              ]),
          {
            term: 'Credentials',
            value: <PlannedCredentials policy={policy} />,
          },
          { term: 'File', value: <code>sha256:{digest}</code> },
        ]}
      />
      <p class="small">
        <a href={`/targets/${target.name}/access`}>Who can deliver here</a>
      </p>
      <p class="small muted">
        Rules are a reviewed file of the gate, not a page: changing targets/{target.name}.yaml makes
        approvals begin again.
      </p>
    </Card>
  );
}

export function TargetListPage({
  frame,
  targets,
  now,
}: {
  readonly frame: Frame;
  readonly targets: readonly Pick<TargetView, 'name' | 'policy' | 'live'>[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Targets">
      <DataTable
        caption="Targets"
        rows={targets}
        empty="No target. Targets are files of the gate: targets/<name>.yaml."
        columns={[
          {
            label: 'Target',
            nowrap: true,
            cell: ({ name }) => <a href={`/targets/${name}`}>{name}</a>,
          },
          {
            label: 'Live',
            wide: true,
            cell: ({ live }) => (live === null ? 'nothing yet' : plain(live.release)),
          },
          {
            label: 'Since',
            nowrap: true,
            cell: ({ live }) => (live === null ? '' : <Time at={live.since} now={now} />),
          },
          {
            label: 'Needs',
            nowrap: true,
            cell: ({ policy }) =>
              policy === null ? '' : approvalsAsked(policy.policy.approvals.rules),
          },
        ]}
      />
    </Layout>
  );
}
