import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { DescriptionList } from '@airlock/web/views/description-list';
import { PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { PasskeyForm } from '@airlock/web/views/passkey-form';
import { Time } from '@airlock/web/views/time';
import type { Viewer } from '@airlock/web/route';
import type { Passkey } from '../../app/passkey-ports.ts';
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import type { KnownEnrolment } from '@airlock/common/approval/enrolments';
import type { Person } from '../../domain/roster.ts';
import { PasskeyState } from './passkeys-page.tsx';
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
  enrolments,
  person,
  sessions,
  decides,
  now,
}: {
  readonly frame: Frame;
  readonly viewer: Viewer;
  readonly passkeys: readonly Passkey[];
  /** By credential id, as the signed ledger has them. */
  readonly enrolments: ReadonlyMap<string, KnownEnrolment>;
  /** Whose passkeys they are in the roster; null for somebody whom it does not name. */
  readonly person: Person | null;
  readonly sessions: readonly ShownSession[];
  /** Whether a role of theirs approves for a target or lifts stops. */
  readonly decides: boolean;
  readonly now: Date;
}) {
  const standing = passkeys.filter(({ revokedAt }) => revokedAt === null);
  return (
    <Layout frame={frame} title={viewer.name} scripts={['passkey.js']}>
      <WithAside aside={<Aside frame={frame} viewer={viewer} decides={decides} />}>
        <SectionHeading note={passkeys.length}>Passkeys</SectionHeading>
        <DataTable
          caption="Your passkeys"
          stacked
          rows={passkeys}
          empty={
            decides
              ? 'No passkey: you can look but not decide. Add one.'
              : 'None. You have no role that decides here, and whoever does not decide needs no passkey.'
          }
          columns={[
            { label: 'Name', nowrap: true, cell: ({ label }) => plain(label) },
            {
              label: 'State',
              wide: true,
              cell: (passkey) => (
                <PasskeyState
                  {...{ passkey, person, now }}
                  enrolment={enrolments.get(passkey.credentialId) ?? null}
                />
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
            {
              label: 'Lost or not yours',
              nowrap: true,
              cell: ({ credentialId, revokedAt }) =>
                revokedAt !== null ? null : (
                  <PostForm action="/passkeys/withdrawal" csrfToken={frame.csrfToken}>
                    <input type="hidden" name="credentialId" value={credentialId} />
                    <Button kind="danger">Withdraw</Button>
                  </PostForm>
                ),
            },
          ]}
        />
        {standing.length === 0 || person === null ? null : (
          <>
            <SectionHeading>For the roster</SectionHeading>
            <p class="small muted">
              {person.passkeys === undefined
                ? 'The roster does not list your passkeys, so that each of yours counts: in the demo alone.'
                : 'A passkey counts once administrators have signed a roster.yaml that lists it.'}{' '}
              Give an administrator these lines in person; they go under your id.
            </p>
            <CodeBlock label="Lines for roster.yaml" wrap>
              {rosterLines(person, standing)}
            </CodeBlock>
          </>
        )}
        <SectionHeading note={sessions.length}>Signed in</SectionHeading>
        <DataTable
          caption="Your sessions"
          stacked
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

/** What stands in roster.yaml for passkeys to count: nothing of it is secret, and web alone cannot put it there. */
const rosterLines = ({ id }: Person, passkeys: readonly Passkey[]): string =>
  [
    `# ${id}`,
    'passkeys:',
    ...passkeys.map((passkey) => `  - ${enrolmentDigest(passkey)} # ${plain(passkey.label)}`),
  ].join('\n');

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
            vouchUrl="/api/v1/me/passkeys/vouch"
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
          <details>
            <summary>Add a security key of OpenSSH…</summary>
            <PostForm action="/me/security-key" csrfToken={frame.csrfToken}>
              <p class="small muted">
                A hardware key made with <code>ssh-keygen -t ed25519-sk</code>, to approve from a
                terminal.
              </p>
              <Button icon="terminal" block>
                Add a security key
              </Button>
            </PostForm>
          </details>
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
        <p class="small">
          <a href="/me/notifications">What you are told</a>
          <br />
          <a href="/passkeys">Passkeys of everybody</a>
        </p>
      </Card>
    </>
  );
}
