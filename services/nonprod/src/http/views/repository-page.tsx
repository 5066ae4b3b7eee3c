import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { RunSummary } from '../../app/page-queries.ts';
import type { RepositoryGroups } from '../../app/people-ports.ts';
import type { RepositoryRow, Schedule } from '../../app/source-ports.ts';
import type { WebhookSetup } from '../adding-repositories.ts';
import { runTone, shortCommit, sourceOf } from './words.ts';

interface Props {
  readonly frame: Frame;
  readonly row: RepositoryRow;
  readonly groups: RepositoryGroups;
  readonly schedules: readonly Schedule[];
  /** The newest first. */
  readonly runs: readonly RunSummary[];
  /** That its runs may go to. */
  readonly pools: readonly string[];
  /** Where its webhook comes to; null: it has none of its own. */
  readonly hook: string | null;
  /** Of a webhook whose secret was made just now. */
  readonly made: WebhookSetup | null;
  readonly now: Date;
}

const listed = (names: readonly string[], none: string): string =>
  names.length === 0 ? none : names.join(', ');

export function RepositoryPage(props: Props) {
  const { frame, row, groups, schedules, runs, pools, now } = props;
  return (
    <Layout
      frame={frame}
      title={row.name}
      breadcrumbs={[{ label: 'Repositories', href: '/repos' }, { label: row.name }]}
    >
      {row.failing === null ? null : (
        <VerdictBanner kind="fix" title="It cannot be fetched." text={row.failing} />
      )}
      <WithAside
        aside={
          <>
            <HookBox {...props} />
            <SightBox {...props} />
            <LabelsBox {...props} />
          </>
        }
      >
        <DescriptionList
          items={[
            { term: 'Address', value: row.url },
            { term: 'Main branch', value: row.mainBranch },
            { term: 'Owners', value: listed(groups.own, 'nobody: left to the roles') },
            { term: 'Start its runs too', value: listed(groups.launch, 'nobody else') },
            {
              term: 'Pools',
              value: listed(pools, 'none, so nothing of it runs; grant it one at Pools'),
            },
            {
              term: 'Labels',
              value: listed(row.labels, 'none: secrets of others are not for it'),
            },
            {
              term: 'Reach',
              value: <a href={`/reach/${row.name}`}>what its pipeline can reach</a>,
            },
            {
              term: 'Builds of main',
              value: row.configured
                ? 'are signed, and can be promoted'
                : 'are not signed, and cannot be promoted',
            },
            {
              term: 'Protected refs',
              value: listed(row.protectedRefs, 'its main branch'),
            },
            { term: 'Branches that are built', value: listed(row.branches, 'all') },
            {
              term: 'Variables',
              value: (
                <a href={`/variables?repository=${encodeURIComponent(row.name)}`}>
                  what its steps are given, for everybody to read
                </a>
              ),
            },
            {
              term: 'Usage',
              value: (
                <a href={`/usage?repository=${encodeURIComponent(row.name)}`}>
                  what it used of machines and store
                </a>
              ),
            },
            {
              term: 'Added',
              value: row.addedBy ?? 'by the configuration of the scheduler',
            },
            {
              term: 'Looked at',
              value: row.lookedAt === null ? 'not yet' : <Time at={row.lookedAt} now={now} />,
            },
          ]}
        />
        <SectionHeading>Last runs</SectionHeading>
        <DataTable
          caption="Runs of this repository, the newest first"
          rows={runs}
          empty="None yet. Push a branch with a pipeline file."
          columns={[
            {
              label: 'Run',
              nowrap: true,
              cell: (run) => <a href={`/runs/${run.id}`}>#{run.number}</a>,
            },
            {
              label: 'State',
              nowrap: true,
              cell: (run) => <Status tone={runTone(run.state)}>{run.state}</Status>,
            },
            { label: 'Source', nowrap: true, cell: (run) => sourceOf(run) },
            {
              label: 'Commit',
              wide: true,
              cell: (run) => (
                <>
                  <code title={run.commit}>{shortCommit(run.commit)}</code> {run.subject}
                </>
              ),
            },
            { label: 'Asked', nowrap: true, cell: (run) => <Time at={run.createdAt} now={now} /> },
          ]}
        />
        <SectionHeading note={schedules.length}>Schedules</SectionHeading>
        <DataTable
          caption="Runs by the clock"
          rows={schedules}
          empty="None."
          columns={[
            { label: 'Name', cell: ({ name }) => name },
            { label: 'When', kind: 'mono', cell: ({ pattern }) => pattern },
            { label: 'Time zone', cell: ({ timeZone }) => timeZone },
            { label: 'Branch', wide: true, cell: ({ branch }) => branch },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function HookBox({ frame, row, hook, made }: Props) {
  const mayRenew = hook !== null && frame.viewer?.roles.includes('platform') === true;
  return (
    <Card title="Webhook" icon="plug" emphasis={made !== null}>
      {hook === null ? (
        <p>
          It has none of its own and is polled: no forge is named for it, or webhookKeyFile of
          nonprod-web is not set.
        </p>
      ) : (
        <>
          <p>At {row.provider}, content type application/json:</p>
          <CodeBlock label="Address">{hook}</CodeBlock>
        </>
      )}
      {made === null ? null : (
        <>
          <p>Its secret, shown now and never again:</p>
          <CodeBlock label="Secret">{made.secret}</CodeBlock>
        </>
      )}
      {mayRenew ? (
        <PostForm action="/repository-hooks" csrfToken={frame.csrfToken}>
          <input type="hidden" name="repository" value={row.name} />
          <p class="muted small">A new secret is shown once; the old one holds no more.</p>
          <Button block>Renew its secret</Button>
        </PostForm>
      ) : null}
    </Card>
  );
}

function SightBox({ frame, row, groups }: Props) {
  const { viewer } = frame;
  const owns = viewer !== null && groups.own.some((group) => viewer.groups.includes(group));
  const isPlatform = viewer?.roles.includes('platform') === true;
  const maySay = viewer?.roles.includes('developer') === true && (owns || isPlatform);
  const wanted = row.isPrivate ? 'everyone' : 'private';
  return (
    <Card title="Who sees it" icon="people">
      <p>
        {row.isPrivate
          ? 'Its groups and the platform role. To everybody else it is not there, nor are its runs, candidates and promotions.'
          : 'Everybody who can sign in.'}
      </p>
      {maySay && (row.isPrivate || groups.own.length + groups.launch.length > 0) ? (
        <PostForm action="/repository-sight" csrfToken={frame.csrfToken}>
          <input type="hidden" name="repository" value={row.name} />
          <input type="hidden" name="sight" value={wanted} />
          <Button block>
            {row.isPrivate ? 'Show it to everybody' : 'Make it private to its groups'}
          </Button>
        </PostForm>
      ) : null}
    </Card>
  );
}

function LabelsBox({ frame, row }: Props) {
  if (frame.viewer?.roles.includes('platform') !== true) return null;
  return (
    <Card title="Labels" icon="shield-check">
      <PostForm action="/repository-labels" csrfToken={frame.csrfToken}>
        <input type="hidden" name="repository" value={row.name} />
        <TextField
          label="Labels"
          name="labels"
          value={row.labels.join(' ')}
          hint="Such as team=web zone=eu. Secrets that name them are given to its builds, too."
          maxLength={4096}
        />
        <Button block>Save</Button>
      </PostForm>
    </Card>
  );
}
