import { Button } from '@airlock/web/views/button';
import { Card, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { KeptVariable } from '../../app/variable-ports.ts';
import { everyRepository, scopeWords, type ExplainedVariable } from '../../domain/variable.ts';

type Row = ExplainedVariable<KeptVariable>;

interface Props {
  readonly frame: Frame;
  /** Whose are shown; null: those for all repositories. */
  readonly repository: string | null;
  readonly rows: readonly Row[];
  /** The repository whose builds are signed, where what is shown would go to it. */
  readonly signed: string | null;
}

export function VariableListPage(props: Props) {
  const { frame, repository, rows, signed } = props;
  const title = repository === null ? 'Variables' : `Variables of ${repository}`;
  const up = [
    { label: 'Variables', href: '/variables' },
    ...(repository === null ? [] : [{ label: repository }]),
  ];
  const roles = frame.viewer?.roles ?? [];
  const maySet = roles.includes(repository === null ? 'platform' : 'developer');
  return (
    <Layout frame={frame} title={title} breadcrumbs={repository === null ? [] : up}>
      <VerdictBanner
        kind="info"
        title="Visible to everyone who signs in."
        text="Every build reads them too, a stranger’s pull request among them. What nobody shall read is a secret."
      >
        <a href="/secrets">Secrets</a>
      </VerdictBanner>
      <p class="muted">
        Commands and services find them in their environment, and a pipeline file as{' '}
        <code>{'${NAME}'}</code>. Of one name the last of these counts: for all repositories, of the{' '}
        <a href="/variable-sets">sets</a> that the repository’s groups or the repository chose, of
        the repository, what a run was started with, the pipeline file’s own environment, its
        matrix.
        {signed === null
          ? null
          : ` Pushes to the main branch of ${signed} are given none: what is released is built from its commit alone.`}
      </p>
      <WithAside aside={maySet ? <SetBox {...props} /> : null}>
        <DataTable
          caption={title}
          stacked
          rows={rows}
          empty="None is set."
          columns={[
            {
              label: 'Name',
              kind: 'mono',
              cell: ({ set: { name } }) => name,
            },
            { label: 'Value', wide: true, cell: (row) => <Value row={row} /> },
            {
              label: 'Set',
              cell: ({ set: { scope, setBy } }) => (
                <>
                  {scopeWords(scope)}
                  <div class="muted small">by {setBy}</div>
                </>
              ),
            },
            {
              label: 'Remove',
              cell: ({ set }) =>
                maySet && set.scope === (repository ?? everyRepository) ? (
                  <RemoveForm frame={frame} repository={repository} name={set.name} />
                ) : (
                  ''
                ),
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function Value({ row: { set, hides } }: { readonly row: Row }) {
  const { value, publicBecause } = set;
  return (
    <>
      <code>{value}</code>
      {hides === null ? null : (
        <div class="muted small">
          in place of {hides.value} {scopeWords(hides.scope)}
        </div>
      )}
      {publicBecause === null ? null : (
        <div class="muted small">public because: {publicBecause}</div>
      )}
    </>
  );
}

const addressOf = (repository: string | null): string =>
  repository === null ? '/global-variables' : '/variables';

function RemoveForm({
  frame,
  repository,
  name,
}: Pick<Props, 'frame' | 'repository'> & { readonly name: string }) {
  return (
    <PostForm action={`${addressOf(repository)}/remove`} csrfToken={frame.csrfToken}>
      <input type="hidden" name="name" value={name} />
      {repository === null ? null : <input type="hidden" name="repository" value={repository} />}
      <Button kind="danger">Remove</Button>
    </PostForm>
  );
}

function SetBox({ frame, repository }: Props) {
  return (
    <Card title={repository === null ? 'Set for all' : 'Set'} icon="file" emphasis>
      <PostForm action={addressOf(repository)} csrfToken={frame.csrfToken}>
        {repository === null ? null : <input type="hidden" name="repository" value={repository} />}
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
