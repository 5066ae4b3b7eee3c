import { Status, type Tone } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { FoundState } from '../../domain/found-repository.ts';
import type { ShownSource } from '../../app/found-ports.ts';

interface Props {
  readonly frame: Frame;
  readonly sources: readonly ShownSource[];
  /** Why one was not added; null at first. */
  readonly problem: string | null;
  readonly now: Date;
}

type Shown = ShownSource['repositories'][number];

const tones: Readonly<Record<FoundState, Tone>> = {
  ...{ new: 'busy', built: 'good', renamed: 'wait' },
  ...{ replaced: 'bad', archived: 'plain', gone: 'plain' },
};

export function FoundPage({ frame, sources, problem, now }: Props) {
  return (
    <Layout frame={frame} title="Found at forges">
      {problem === null ? null : <VerdictBanner kind="fix" title="Not added." text={problem} />}
      <WithAside aside={<PickBox frame={frame} sources={sources} />}>
        {sources.length === 0 ? (
          <EmptyState>
            No organisation is looked at. Whoever runs nonprod-scheduler names them in its
            configuration, under organisations.
          </EmptyState>
        ) : (
          sources.map((source) => <Source key={source.name} source={source} now={now} />)
        )}
      </WithAside>
    </Layout>
  );
}

function Source({ source, now }: { readonly source: ShownSource; readonly now: Date }) {
  const { name, lookedAt, failing, repositories } = source;
  return (
    <>
      <SectionHeading note={repositories.length}>{name}</SectionHeading>
      {failing === null ? null : <VerdictBanner kind="fix" title="Not listed." text={failing} />}
      <p class="muted">
        {lookedAt === null ? (
          'Not listed yet.'
        ) : (
          <>
            As the forge listed it <Time at={lookedAt} now={now} />.
          </>
        )}
      </p>
      <DataTable
        caption={`Found at ${name}`}
        stacked
        rows={repositories}
        empty="Nothing was found there that its token may see."
        columns={[
          {
            label: 'At the forge',
            nowrap: true,
            cell: ({ path, pathWas, isPrivate }) => (
              <>
                {path}
                {pathWas === null ? null : <div class="muted small">was {pathWas}</div>}
                {isPrivate ? <div class="muted small">private</div> : null}
              </>
            ),
          },
          {
            label: 'State',
            nowrap: true,
            cell: ({ state }) => <Status tone={tones[state]}>{state}</Status>,
          },
          { label: 'Here', wide: true, cell: (each) => <Here found={each} /> },
        ]}
      />
    </>
  );
}

function Here({ found }: { readonly found: Shown }) {
  const { state, repository, notAdded } = found;
  return (
    <>
      {repository === null ? null : <a href={`/repos/${repository}`}>{repository}</a>}
      {state === 'renamed' ? (
        <div class="muted small">is still fetched from where it was</div>
      ) : null}
      {state === 'replaced' ? (
        <div class="small">
          Another repository than the one that was added lies at this address now. What is pushed to
          it is built under that one’s name.
        </div>
      ) : null}
      {repository === null && notAdded !== null ? <div class="muted small">{notAdded}</div> : null}
    </>
  );
}

function PickBox({ frame, sources }: Pick<Props, 'frame' | 'sources'>) {
  const options = sources.flatMap(({ name, repositories }) =>
    repositories
      .filter(({ state }) => state === 'new')
      .map(({ id, path }) => ({ value: `${name} ${id}`, label: path })),
  );
  return (
    <Card title="Build one of them" icon="git-branch" emphasis>
      <p>
        Whoever can push to it runs commands on runners. It gets the pools that are open to every
        repository, no secret and no approval; nothing in its files changes that.
      </p>
      {options.length === 0 ? (
        <p class="muted">None is new.</p>
      ) : (
        <PostForm action="/found" csrfToken={frame.csrfToken}>
          <SelectField label="Repository" name="pick" options={options} />
          <TextField
            label="Groups that own it"
            name="owners"
            hint="One a line. What is private at the forge needs one, and is private here."
            multiline
          />
          <Button kind="primary" block>
            Add it
          </Button>
        </PostForm>
      )}
    </Card>
  );
}
