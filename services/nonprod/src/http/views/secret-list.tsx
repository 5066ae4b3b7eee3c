import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { CheckField, PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import type { ProjectDek, SecretSummary } from '../../app/secret-ports.ts';
import { AgeStatus, readersText } from './secret-filters.tsx';

export function SecretListPage({
  frame,
  project,
  secrets,
  key,
  keeper,
  now,
}: {
  readonly frame: Frame;
  readonly project: string;
  readonly secrets: readonly SecretSummary[];
  /** The project's key; null before its first secret. */
  readonly key: ProjectDek | null;
  /** What keeps the key above it; null where no secrets are kept. */
  readonly keeper: string | null;
  readonly now: Date;
}) {
  if (keeper === null) {
    return (
      <Layout frame={frame} title="Secrets">
        <VerdictBanner
          kind="info"
          title="No secrets are kept here."
          text="Whoever looks after this installation names a keeper under “secrets” in the configuration of nonprod-web."
        />
      </Layout>
    );
  }
  return (
    <Layout frame={frame} title="Secrets">
      <p class="muted">
        What builds of {project} need for tests and registries, nothing that opens production.
        Values go in and are shown to nobody. A step asks for one with <code>from_secret</code>, and
        is given it where the secret’s own page says so.
      </p>
      <WithAside
        aside={
          <>
            <SetBox frame={frame} name={null} description="" kind="value" />
            <KeyBox frame={frame} projectKey={key} keeper={keeper} now={now} />
            {key === null || !isPlatform(frame) ? null : (
              <EraseBox frame={frame} project={project} />
            )}
          </>
        }
      >
        <SectionHeading note={secrets.filter(({ erased }) => erased === null).length}>
          Kept
        </SectionHeading>
        <DataTable
          caption="Secrets by name"
          rows={secrets}
          empty="No secret has been set yet."
          columns={[
            {
              label: 'Name',
              wide: true,
              cell: ({ name, description, kind, filters }) => (
                <>
                  <a href={`/secrets/${name}`}>{name}</a>
                  {kind === 'ssh-key' ? <span class="muted small"> SSH key</span> : null}
                  {description === '' ? null : <div class="muted small">{description}</div>}
                  <div class="muted small">{readersText(filters)}</div>
                </>
              ),
            },
            {
              label: 'State',
              nowrap: true,
              cell: (secret) =>
                secret.erased === null ? (
                  <>
                    <Status tone="good">version {secret.version}</Status>
                    <AgeStatus secret={secret} now={now} />
                  </>
                ) : (
                  <Status tone="plain">erased</Status>
                ),
            },
            {
              label: 'Last read',
              cell: ({ lastRead }) =>
                lastRead === null ? (
                  <span class="muted">never</span>
                ) : (
                  <>
                    <Time at={lastRead.at} now={now} />
                    <div class="muted small">
                      <a href={`/runs/${lastRead.runId}`}>#{lastRead.runNumber}</a> {lastRead.step}
                    </div>
                  </>
                ),
            },
            {
              label: 'Changed',
              cell: ({ setAt, setBy, erased }) => (
                <>
                  <Time at={erased?.at ?? setAt} now={now} />
                  <div class="muted small">by {erased?.by ?? setBy}</div>
                </>
              ),
            },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

const isPlatform = (frame: Frame): boolean => frame.viewer?.roles.includes('platform') === true;

/** @param name of the secret that gets a new version; null asks for one. */
export function SetBox({
  frame,
  name,
  description,
  kind,
}: {
  readonly frame: Frame;
  readonly name: string | null;
  readonly description: string;
  readonly kind: SecretKind;
}) {
  const title = name === null ? 'Set a secret' : 'Set a new value';
  if (!isPlatform(frame)) {
    return (
      <Card title={title} icon="lock">
        <p>The platform role sets and erases secrets; none of your groups gives it to you here.</p>
      </Card>
    );
  }
  return (
    <Card title={title} icon="lock" emphasis>
      <PostForm action="/secrets" csrfToken={frame.csrfToken}>
        {name === null ? (
          <TextField
            label="Name"
            name="name"
            hint="Letters, digits and _ . -"
            required
            maxLength={63}
          />
        ) : (
          <input type="hidden" name="name" value={name} />
        )}
        <TextField label="For what" name="description" value={description} maxLength={200} />
        {name === null ? (
          <SelectField
            label="Kind"
            name="kind"
            options={[
              { value: 'value', label: 'a value' },
              { value: 'ssh-key', label: 'an SSH key: used by an agent, never seen by the build' },
            ]}
          />
        ) : (
          <input type="hidden" name="kind" value={kind} />
        )}
        <TextField
          label={kind === 'ssh-key' ? 'Private key' : 'Value'}
          name="value"
          hint="8 characters or more. It replaces the value before, which is erased."
          multiline
          required
        />
        {name !== null && kind === 'value' ? null : (
          <>
            <TextField
              label="Passphrase of an SSH key"
              name="passphrase"
              hint="Empty where it has none."
            />
            <TextField
              label="Hosts of an SSH key"
              name="knownHosts"
              hint="As ssh-keyscan HOST prints them: builds connect to no other."
              multiline
            />
          </>
        )}
        <CheckField
          name="lowValue"
          label="It opens nothing in production, and who can change a build may learn it."
          required
        />
        <Button kind="primary" icon="lock" block>
          Set
        </Button>
      </PostForm>
    </Card>
  );
}

function KeyBox({
  frame,
  projectKey,
  keeper,
  now,
}: {
  readonly frame: Frame;
  readonly projectKey: ProjectDek | null;
  readonly keeper: string;
  readonly now: Date;
}) {
  return (
    <Card title="The project’s key" icon="key">
      <DescriptionList
        items={[
          {
            term: 'In use since',
            value: projectKey === null ? 'none yet' : <Time at={projectKey.createdAt} now={now} />,
          },
          { term: 'Lies under', value: keeper },
        ]}
      />
      {projectKey === null || !isPlatform(frame) ? null : (
        <PostForm action="/secrets/key/rotate" csrfToken={frame.csrfToken}>
          <Button icon="sync" block>
            Rotate
          </Button>
        </PostForm>
      )}
    </Card>
  );
}

function EraseBox({ frame, project }: { readonly frame: Frame; readonly project: string }) {
  return (
    <Card title="Erase everything" icon="x-circle">
      <PostForm action="/secrets/all/erase-all" csrfToken={frame.csrfToken}>
        <TextField
          label="Name of the project"
          name="project"
          hint={`Type ${project} to say that you mean it. No value can be brought back.`}
          required
        />
        <Button kind="danger" icon="x-circle" block>
          Erase all secrets
        </Button>
      </PostForm>
    </Card>
  );
}
