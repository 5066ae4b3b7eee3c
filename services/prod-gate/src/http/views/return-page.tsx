import { Badge } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { EarlierReleases } from '../../app/ask-return.ts';
import type { ReturnOutcome } from '../../app/return-ports.ts';
import type { ProvenDelivery } from '../../domain/ledger-facts.ts';
import {
  migrationsSince,
  unnamedMigrations,
  type MigrationSince,
  type ReturnGround,
} from '../../domain/return.ts';
import { plain } from './words.ts';

export type ReturnView = EarlierReleases & {
  readonly target: string;
  /** What was picked; null before. */
  readonly picked: { readonly ground: ReturnGround } | { readonly fault: string } | null;
  /** What became of the wish that this page was sent back with; null without one. */
  readonly outcome: ReturnOutcome | null;
};

/** A release that was live here before, what goes away with the return to it, and the question of each migration. */
export function ReturnPage({
  frame,
  view,
  now,
}: {
  readonly frame: Frame;
  readonly view: ReturnView;
  readonly now: Date;
}) {
  const { target, live, picked, outcome } = view;
  const ground = picked !== null && 'ground' in picked ? picked.ground : null;
  const title =
    ground === null ? `Return ${target} to an earlier release` : `Return to ${ground.to.release}`;
  return (
    <Layout
      frame={frame}
      title={plain(ground === null ? title : `${title} → ${target}`)}
      breadcrumbs={[
        { label: 'Targets', href: '/targets' },
        { label: target, href: `/targets/${target}` },
        { label: 'Return' },
      ]}
    >
      {outcome === null ? null : <Outcome outcome={outcome} />}
      {picked !== null && 'fault' in picked ? (
        <VerdictBanner kind="fix" title="Nobody can return there." text={`${picked.fault}.`} />
      ) : null}
      {ground === null || live === null ? (
        <Earlier view={view} now={now} />
      ) : (
        <WithAside aside={<Ask frame={frame} target={target} ground={ground} />}>
          <Away ground={ground} live={live} now={now} />
          <p class="small">
            <a href={`/targets/${target}/return`}>Choose another release</a>
          </p>
        </WithAside>
      )}
    </Layout>
  );
}

function Outcome({ outcome }: { readonly outcome: ReturnOutcome }) {
  return outcome.state === 'refused' ? (
    <VerdictBanner kind="fix" title="The return was refused." text={`${plain(outcome.refusal)}.`} />
  ) : (
    <VerdictBanner
      kind="progress"
      title="Asked for."
      text="Intake verifies it; reload this page in a moment. If this stays, somebody of platform looks at intake."
    />
  );
}

function Earlier({ view, now }: { readonly view: ReturnView; readonly now: Date }) {
  const { target, live, earlier } = view;
  if (live === null || earlier.length === 0) {
    return (
      <EmptyState title="No earlier release to return to.">
        {live === null
          ? `Nothing is live on ${target} yet.`
          : `${plain(live.release)} is the only release that was ever live on ${target}.`}
      </EmptyState>
    );
  }
  return (
    <>
      <p class="muted">
        {plain(live.release)} is live. These were live on {target} before, as the ledger proves;
        nothing else can be returned to.
      </p>
      <DataTable
        caption="Releases that were live before, the last one first"
        rows={earlier}
        empty="None."
        columns={[
          {
            label: 'Release',
            nowrap: true,
            cell: ({ release, deliveryId }) => (
              <a href={`/targets/${target}/return?to=${deliveryId}`}>Return to {plain(release)}</a>
            ),
          },
          { label: 'Commit', kind: 'mono', cell: ({ commit }) => commit.slice(0, 8) },
          {
            label: 'Was live from',
            nowrap: true,
            cell: ({ liveSince }) => (liveSince === null ? '' : <Time at={liveSince} now={now} />),
          },
          {
            label: 'Delivery',
            cell: ({ deliveryId }) => <a href={`/deliveries/${deliveryId}`}>{deliveryId}</a>,
          },
        ]}
      />
    </>
  );
}

const shownCommits = 200;

function Away({
  ground,
  live,
  now,
}: {
  readonly ground: ReturnGround;
  readonly live: ProvenDelivery;
  readonly now: Date;
}) {
  const { to, since } = ground;
  const isAhead = to.mainPosition >= live.mainPosition;
  const steps = since.filter(({ wasLive }) => wasLive).toReversed();
  const commits = isAhead ? [] : steps.flatMap(({ delta }) => delta.commits);
  const total = steps.reduce((sum, { delta }) => sum + delta.commitCount, 0);
  const migrations = migrationsSince(ground);
  return (
    <>
      <SectionHeading note={isAhead ? undefined : total}>
        {isAhead ? 'What comes back' : 'Commits that go away'}
      </SectionHeading>
      {isAhead ? (
        <p>
          {plain(to.release)} is further on main than {plain(live.release)}, which is live: no
          commit goes away, and the promotion lists those that come back.
        </p>
      ) : (
        <>
          <DataTable
            caption="Commits that go away, newest first"
            rows={commits.slice(0, shownCommits)}
            empty="No commit lies between what is live and this release."
            columns={[
              { label: 'Commit', kind: 'mono', cell: ({ commit }) => commit.slice(0, 8) },
              { label: 'Message', wide: true, cell: ({ subject }) => plain(subject) },
              { label: 'Author', nowrap: true, cell: ({ authorName }) => plain(authorName) },
              {
                label: 'Committed',
                nowrap: true,
                cell: ({ committedAt }) => <Time at={new Date(committedAt)} now={now} />,
              },
            ]}
          />
          {total > Math.min(commits.length, shownCommits) ? (
            <p class="muted">and {total - Math.min(commits.length, shownCommits)} more.</p>
          ) : null}
        </>
      )}
      <SectionHeading note={migrations.length === 0 ? undefined : migrations.length}>
        Migrations since
      </SectionHeading>
      <Migrations migrations={migrations} />
    </>
  );
}

function Migrations({ migrations }: { readonly migrations: readonly MigrationSince[] }) {
  return (
    <DataTable
      caption="Migrations that deliveries since have applied, or may have"
      rows={migrations}
      empty="No migration came since: the schema is as this release knew it."
      stacked
      columns={[
        { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
        { label: 'Came with', nowrap: true, cell: ({ release }) => plain(release) },
        {
          label: 'Cannot be taken back',
          cell: ({ warns }) =>
            warns.length === 0 ? (
              <span class="muted">nothing seen</span>
            ) : (
              <Badge tone="wait">{warns.join(', ')}</Badge>
            ),
        },
        {
          label: 'Undone by',
          kind: 'mono',
          cell: ({ undo }) =>
            undo === null ? <span class="muted">no file beside it</span> : plain(undo),
        },
      ]}
    />
  );
}

function Ask({
  frame,
  target,
  ground,
}: {
  readonly frame: Frame;
  readonly target: string;
  readonly ground: ReturnGround;
}) {
  const { to } = ground;
  const release = plain(to.release);
  const unnamed = unnamedMigrations(ground);
  if (unnamed !== null) {
    return (
      <Card title="Ask for the return">
        <p>Nobody can return there: {plain(unnamed)}.</p>
      </Card>
    );
  }
  return (
    <Card title="Ask for the return" icon="history">
      <PostForm action={`/targets/${target}/return`} csrfToken={frame.csrfToken}>
        <input type="hidden" name="to" value={to.deliveryId} />
        {migrationsSince(ground).map(({ path, undo }, index) => (
          <>
            <input type="hidden" name={`path-${index}`} value={path} />
            <SelectField
              label={plain(path)}
              name={`answer-${index}`}
              options={[
                { value: '', label: 'Say what becomes of it…' },
                { value: 'tolerates', label: `It stays; ${release} tolerates it` },
                ...(undo === null ? [] : [{ value: 'down', label: `${plain(undo)} undoes it` }]),
              ]}
            />
          </>
        ))}
        <TextField
          label="Why"
          name="reason"
          hint="Approvers read it, and it is part of what they sign."
          multiline
          required
          maxLength={500}
        />
        <Button kind="primary" icon="history" block>
          {`Ask to return to ${release}`}
        </Button>
      </PostForm>
      <p class="small muted">
        Nothing changes yet: others approve it with their passkeys, and every check is made again.
        You cannot approve what you asked for.
      </p>
    </Card>
  );
}
