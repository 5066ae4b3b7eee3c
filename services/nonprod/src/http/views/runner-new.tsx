import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { CheckField, PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { ItemList } from '@airlock/web/views/item-list';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { EnrolmentRow } from '../../app/runner-ports.ts';
import { placesText } from './words.ts';

export interface MadeToken {
  readonly token: string;
  readonly url: string;
  readonly runner: string;
  readonly pool: string;
}

export function RunnerNewPage({
  frame,
  pools,
  waiting,
  made,
  now,
}: {
  readonly frame: Frame;
  readonly pools: readonly string[];
  readonly waiting: readonly EnrolmentRow[];
  /** A token that was made just now and is shown this once; null before. */
  readonly made: MadeToken | null;
  readonly now: Date;
}) {
  const isPlatform = frame.viewer?.roles.includes('platform') === true;
  return (
    <Layout
      frame={frame}
      title="Add a runner"
      breadcrumbs={[{ label: 'Runners', href: '/runners' }, { label: 'Add a runner' }]}
    >
      <WithAside aside={<TokenBox frame={frame} pools={pools} isPlatform={isPlatform} />}>
        {made === null ? null : (
          <>
            <SectionHeading>On the machine of {made.runner}</SectionHeading>
            <p>
              Put this token into a file. It holds fifteen minutes, for one machine and the pool{' '}
              {made.pool}, and is not shown again.
            </p>
            <CodeBlock label="Token" wrap>
              {made.token}
            </CodeBlock>
            <CodeBlock label="Command" wrap>
              {`airlock-runner join ${made.url} --token-file FILE --to /etc/airlock-runner`}
            </CodeBlock>
            <p class="muted">
              It prints the fingerprint of the key that it made. Then open this page again: the
              machine waits below.
            </p>
          </>
        )}
        <SectionHeading note={waiting.length}>Waiting to be accepted</SectionHeading>
        {waiting.length === 0 ? (
          <p class="muted">No machine waits. One appears here once it has shown its token.</p>
        ) : (
          <ItemList
            items={waiting.map((row) => ({
              id: row.id,
              tone: 'wait',
              title: `${row.runner} for the pool ${row.pool}`,
              status: <code>{row.keyFingerprint}</code>,
              meta: (
                <>
                  from {row.address}, <Time at={row.askedAt} now={now} />; may speak from{' '}
                  {placesText(row.networks)}. Accept only if the machine printed this very
                  fingerprint.
                </>
              ),
              action: isPlatform ? <Decide frame={frame} id={row.id} /> : null,
            }))}
          />
        )}
      </WithAside>
    </Layout>
  );
}

function Decide({ frame, id }: { readonly frame: Frame; readonly id: string }) {
  return (
    <PostForm action={`/runners/enrolments/${id}`} csrfToken={frame.csrfToken}>
      <Button kind="primary" icon="check" name="decision" value="accept">
        Accept
      </Button>
      <Button name="decision" value="refuse">
        Refuse
      </Button>
    </PostForm>
  );
}

function TokenBox({
  frame,
  pools,
  isPlatform,
}: {
  readonly frame: Frame;
  readonly pools: readonly string[];
  readonly isPlatform: boolean;
}) {
  if (!isPlatform || pools.length === 0) {
    return (
      <Card title="Make a token" icon="key">
        {isPlatform ? (
          <p>
            There is no pool yet. <a href="/pools">Make one</a> first.
          </p>
        ) : (
          <p>The platform role brings runners in; none of your groups gives it to you here.</p>
        )}
      </Card>
    );
  }
  return (
    <Card title="Make a token" icon="key" emphasis>
      <PostForm action="/runners/new" csrfToken={frame.csrfToken}>
        <SelectField
          label="Pool"
          name="pool"
          options={pools.map((value) => ({ value, label: value }))}
        />
        <TextField
          label="Name"
          name="runner"
          hint="Empty: a new one. A registered name is enrolled anew, and its certificates before are retired."
          maxLength={63}
        />
        <TextField
          label="Only from these networks"
          name="networks"
          hint="Such as 10.1.0.0/16, one a line. Empty: from anywhere."
          multiline
        />
        <CheckField name="once" label="For one job alone" />
        <Button kind="primary" icon="key" block>
          Make a token
        </Button>
      </PostForm>
    </Card>
  );
}
