import type { Credential } from '@airlock/process/credential-age';
import { Status } from '@airlock/web/views/badge';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';

export function CredentialListPage({
  frame,
  credentials,
  now,
}: {
  readonly frame: Frame;
  readonly credentials: readonly Credential[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Credentials">
      <WithAside
        aside={
          <Card title="Replacing one" icon="key">
            <p>
              docs/operations/rotation.md says how, setting by setting. A credential is in use since
              its file was last written.
            </p>
            <p class="muted small">
              These are nonprod-web’s own. <code>airlock doctor --only rotation</code>, where the
              configurations lie, looks at those of every process.
            </p>
          </Card>
        }
      >
        <SectionHeading note={credentials.length}>Of nonprod-web</SectionHeading>
        <DataTable
          caption="Credentials in the order of the configuration"
          rows={credentials}
          empty={<>The configuration names no key, password or token that can be read.</>}
          columns={[
            { label: 'Setting', cell: ({ setting }) => <code>{setting}</code> },
            {
              label: 'To be replaced',
              nowrap: true,
              cell: ({ due }) => (
                <>
                  {due <= now ? <Status tone="bad">overdue since</Status> : 'by'}{' '}
                  <Time at={due} now={now} />
                </>
              ),
            },
            {
              label: 'In use since',
              nowrap: true,
              cell: ({ since }) => <Time at={since} now={now} />,
            },
            { label: 'Kind', cell: ({ kind }) => kind },
          ]}
        />
      </WithAside>
    </Layout>
  );
}
