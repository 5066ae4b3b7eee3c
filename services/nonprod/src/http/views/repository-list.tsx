import { providers } from '@airlock/common/webhook/provider';
import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { RunSummary } from '../../app/page-queries.ts';
import type { RepositoryRow } from '../../app/source-ports.ts';
import { runTone } from './words.ts';

interface Props {
  readonly frame: Frame;
  readonly rows: readonly { readonly row: RepositoryRow; readonly newest: RunSummary | null }[];
  /** Why one was not added; null at first. */
  readonly problem: string | null;
  /** Open to a new one. */
  readonly pools: readonly string[];
  /** Addresses that repositories may be fetched from. */
  readonly from: readonly string[];
  readonly now: Date;
}

export function RepositoryListPage({ frame, rows, problem, pools, from, now }: Props) {
  return (
    <Layout frame={frame} title="Repositories">
      {problem === null ? null : <VerdictBanner kind="fix" title="Not added." text={problem} />}
      <WithAside aside={<AddBox frame={frame} pools={pools} from={from} />}>
        <SectionHeading note={rows.length}>Built here</SectionHeading>
        {frame.viewer?.roles.includes('platform') === true ? (
          <p>
            <a href="/found">Found at forges</a>
          </p>
        ) : null}
        <DataTable
          caption="Repositories, by name"
          stacked
          rows={rows}
          empty="There is no repository here that you may see. The platform role adds them."
          columns={[
            {
              label: 'Name',
              nowrap: true,
              cell: ({ row }) => (
                <>
                  <a href={`/repos/${row.name}`}>{row.name}</a>
                  {row.isPrivate ? <div class="muted small">private to its groups</div> : null}
                </>
              ),
            },
            {
              label: 'Newest run',
              wide: true,
              cell: ({ newest }) =>
                newest === null ? (
                  'none among the last 200'
                ) : (
                  <span>
                    <a href={`/runs/${newest.id}`}>#{newest.number}</a>{' '}
                    <Status tone={runTone(newest.state)}>{newest.state}</Status>
                  </span>
                ),
            },
            {
              label: 'Looked at',
              nowrap: true,
              cell: ({ row }) =>
                row.failing === null ? (
                  <Seen at={row.lookedAt} now={now} />
                ) : (
                  <Status tone="bad">fails</Status>
                ),
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function Seen({ at, now }: { readonly at: Date | null; readonly now: Date }) {
  return at === null ? <>not yet</> : <Time at={at} now={now} />;
}

function AddBox({ frame, pools, from }: Pick<Props, 'frame' | 'pools' | 'from'>) {
  if (frame.viewer?.roles.includes('platform') !== true) {
    return (
      <Card title="Add a repository" icon="lock">
        <p>
          The platform role adds repositories, because whoever can push to one runs commands on
          runners. None of your groups gives it to you here.
        </p>
      </Card>
    );
  }
  return (
    <Card title="Add a repository" icon="git-branch" emphasis>
      <p>
        Whoever can push to it runs commands on runners. A new one may use{' '}
        {pools.length === 0
          ? 'no pool, so nothing of it runs before you grant it one'
          : `${pools.join(', ')}: open to every repository and of trust 0, untrusted`}
        . It reads no secret, its builds are not signed, and nothing of it can be promoted.
      </p>
      <PostForm action="/repos" csrfToken={frame.csrfToken}>
        <TextField label="Name" name="name" hint="Such as shop/web." required maxLength={128} />
        <TextField
          label="Address"
          name="cloneUrl"
          hint={
            from.length === 0
              ? 'Nothing may be fetched yet: set repositories.from in the configuration.'
              : `Begins with ${from.join(' or ')}`
          }
          required
          maxLength={1024}
        />
        <SelectField
          label="Webhooks from"
          name="provider"
          options={[
            { value: '', label: 'none: it is polled' },
            ...providers.map((each) => ({ value: each, label: each })),
          ]}
        />
        <TextField label="Main branch" name="mainBranch" value="main" maxLength={200} />
        <TextField
          label="Protected refs"
          name="protectedRefs"
          hint="Globs such as refs/heads/release/*, one a line; main is protected."
          multiline
        />
        <TextField
          label="Branches"
          name="branches"
          hint="Globs of those whose pushes are built, one a line. Empty: all."
          multiline
        />
        <Button kind="primary" block>
          Add it
        </Button>
      </PostForm>
    </Card>
  );
}
