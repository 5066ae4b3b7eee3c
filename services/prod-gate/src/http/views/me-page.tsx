import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { PasskeyForm } from '@airlock/web/views/passkey-form';
import { Time } from '@airlock/web/views/time';
import type { Viewer } from '@airlock/web/route';
import type { Passkey } from '../../app/ports.ts';
import { plain } from './words.ts';

/** A signed-in browser, as far as the page shows it. */
export interface ShownSession {
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
}

export function MePage({
  frame,
  viewer,
  passkeys,
  proven,
  sessions,
  now,
}: {
  readonly frame: Frame;
  readonly viewer: Viewer;
  readonly passkeys: readonly Passkey[];
  /** Credential ids whose enrolment stands in the signed ledger. */
  readonly proven: ReadonlySet<string>;
  readonly sessions: readonly ShownSession[];
  readonly now: Date;
}) {
  const decides = viewer.roles.includes('release-manager');
  return (
    <Layout frame={frame} title={viewer.name} scripts={['passkey.js']}>
      <WithAside aside={<Aside frame={frame} viewer={viewer} decides={decides} />}>
        <SectionHeading note={passkeys.length}>Passkeys</SectionHeading>
        <DataTable
          caption="Your passkeys"
          rows={passkeys}
          empty={
            decides
              ? 'No passkey: you can look but not decide. Add one.'
              : 'None. Only release managers decide, so only they have passkeys here.'
          }
          columns={[
            { label: 'Name', nowrap: true, cell: ({ label }) => plain(label) },
            {
              label: 'State',
              wide: true,
              cell: ({ credentialId, revokedAt }) =>
                revokedAt !== null ? (
                  <Status tone="bad">revoked</Status>
                ) : proven.has(credentialId) ? (
                  <Status tone="good">in force; enrolment stands in the ledger</Status>
                ) : (
                  <Status tone="busy">on its way into the ledger; counts within seconds</Status>
                ),
            },
            {
              label: 'Added',
              nowrap: true,
              cell: ({ enrolledAt }) => <Time at={enrolledAt} now={now} />,
            },
            {
              label: 'Last used',
              nowrap: true,
              cell: ({ lastUsedAt }) =>
                lastUsedAt === null ? 'never' : <Time at={lastUsedAt} now={now} />,
            },
          ]}
        />
        <SectionHeading note={sessions.length}>Signed in</SectionHeading>
        <DataTable
          caption="Your sessions"
          rows={sessions}
          empty="Nowhere else."
          columns={[
            {
              label: 'Since',
              nowrap: true,
              cell: ({ createdAt }) => <Time at={createdAt} now={now} />,
            },
            {
              label: 'Last seen',
              wide: true,
              cell: ({ lastSeenAt }) => <Time at={lastSeenAt} now={now} />,
            },
          ]}
        />
        <PostForm action="/me/sign-out-everywhere" csrfToken={frame.csrfToken}>
          <Button icon="sign-out">Sign out everywhere</Button>
        </PostForm>
      </WithAside>
    </Layout>
  );
}

function Aside({
  frame,
  viewer,
  decides,
}: {
  readonly frame: Frame;
  readonly viewer: Viewer;
  readonly decides: boolean;
}) {
  return (
    <>
      {decides ? (
        <Card title="Add a passkey" icon="passkey-fill" emphasis>
          <PasskeyForm
            purpose="enrol"
            optionsUrl="/api/v1/me/passkeys/options"
            finishUrl="/api/v1/me/passkeys"
            doneUrl="/me"
            csrfToken={frame.csrfToken}
          >
            <TextField
              label="Name"
              name="label"
              hint="So that you know it again, such as “YubiKey (desk)”."
              required
              maxLength={60}
            />
            <Button kind="primary" icon="passkey-fill" block>
              Add this passkey
            </Button>
          </PasskeyForm>
        </Card>
      ) : null}
      <Card title="You" icon="person">
        <DescriptionList
          items={[
            { term: 'Id', value: <code>{viewer.id}</code> },
            { term: 'Name id', value: viewer.nameId },
            { term: 'Roles', value: viewer.roles.join(', ') || 'none' },
            { term: 'Groups', value: viewer.groups.join(', ') || 'none' },
            { term: 'Vouched by', value: <code>{viewer.idp}</code> },
          ]}
        />
        <p class="small muted">
          Roles come from the gate’s roster, a reviewed file; groups come from the identity provider
          and decide nothing here.
        </p>
      </Card>
    </>
  );
}
