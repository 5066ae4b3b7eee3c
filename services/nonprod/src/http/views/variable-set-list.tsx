import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { KeptVariable, ShownSet } from '../../app/variable-ports.ts';

interface Props {
  readonly frame: Frame;
  readonly sets: readonly ShownSet[];
}

export function VariableSetPage({ frame, sets }: Props) {
  const roles = frame.viewer?.roles ?? [];
  const [maySet, mayChoose] = [roles.includes('platform'), roles.includes('developer')];
  return (
    <Layout
      frame={frame}
      title="Variable sets"
      breadcrumbs={[{ label: 'Variables', href: '/variables' }, { label: 'Sets' }]}
    >
      <VerdictBanner
        kind="info"
        title="Visible to everyone who signs in."
        text="What nobody shall read is a secret."
      >
        <a href="/secrets">Secrets</a>
      </VerdictBanner>
      <p class="muted">
        A set is there while something is set in it. Those that a group chose go to every repository
        that it owns; those that a repository chose come after them, and its own values last.
      </p>
      <WithAside
        aside={
          maySet || mayChoose ? (
            <>
              {mayChoose ? <ChooseBox frame={frame} /> : null}
              {maySet ? <SetBox frame={frame} /> : null}
            </>
          ) : null
        }
      >
        {sets.length === 0 ? (
          <EmptyState>
            There is no set. The platform role makes one by setting a variable in it.
          </EmptyState>
        ) : null}
        {sets.map(({ name, values, choosers }) => (
          <section key={name} id={name}>
            <SectionHeading note={values.length}>{name}</SectionHeading>
            <p class="muted">
              {choosers.length === 0
                ? 'Nobody chose it.'
                : `Chosen by ${choosers.map(({ kind, chooser }) => (kind === 'group' ? `the group ${chooser}` : chooser)).join(', ')}.`}
            </p>
            <DataTable
              caption={`Variables of the set ${name}`}
              stacked
              rows={values}
              empty="None is set."
              columns={[
                { label: 'Name', kind: 'mono', cell: (row) => row.name },
                {
                  label: 'Value',
                  wide: true,
                  cell: ({ value, publicBecause }) => (
                    <>
                      <code>{value}</code>
                      {publicBecause === null ? null : (
                        <div class="muted small">public because: {publicBecause}</div>
                      )}
                    </>
                  ),
                },
                { label: 'Set by', cell: ({ setBy }) => setBy },
                ...(maySet
                  ? [
                      {
                        label: 'Remove',
                        cell: (row: KeptVariable) => (
                          <PostForm action="/variable-sets/remove" csrfToken={frame.csrfToken}>
                            <input type="hidden" name="set" value={name} />
                            <input type="hidden" name="name" value={row.name} />
                            <Button kind="danger">Remove</Button>
                          </PostForm>
                        ),
                      },
                    ]
                  : []),
              ]}
            />
          </section>
        ))}
      </WithAside>
    </Layout>
  );
}

function SetBox({ frame }: Pick<Props, 'frame'>) {
  return (
    <Card title="Set in a set" icon="file" emphasis>
      <PostForm action="/variable-sets" csrfToken={frame.csrfToken}>
        <TextField label="Set" name="set" required maxLength={63} hint="Such as eu-staging." />
        <TextField label="Name" name="name" required maxLength={63} hint="Such as REGION." />
        <TextField label="Value, for everybody to read" name="value" multiline />
        <TextField
          label="Public because"
          name="publicBecause"
          maxLength={500}
          hint="Only where it looks like a secret and is none."
        />
        <Button kind="primary" block>
          Set it
        </Button>
      </PostForm>
    </Card>
  );
}

function ChooseBox({ frame }: Pick<Props, 'frame'>) {
  return (
    <Card title="Choose for a repository" icon="file">
      <PostForm action="/variable-set-choices" csrfToken={frame.csrfToken}>
        <TextField label="Repository" name="repository" required maxLength={128} />
        <TextField
          label="Its sets"
          name="sets"
          hint="All of them, in their order; the later counts. Empty: none."
        />
        <Button block>Choose</Button>
      </PostForm>
    </Card>
  );
}
