import { countsFromIn, rosterAllows } from '@airlock/common/approval/count-approvals';
import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { Passkey } from '../../app/passkey-ports.ts';
import type { KnownEnrolment } from '../../domain/enrolments.ts';
import type { Person } from '../../domain/roster.ts';
import { plain } from './words.ts';

export interface ShownPasskey {
  readonly passkey: Passkey;
  /** Null for somebody whom the roster does not name. */
  readonly person: Person | null;
  /** As the ledger has it; null while it does not. */
  readonly enrolment: KnownEnrolment | null;
}

export function PasskeysPage({
  frame,
  rows,
  mayWithdraw,
  now,
}: {
  readonly frame: Frame;
  /** The newest first. */
  readonly rows: readonly ShownPasskey[];
  readonly mayWithdraw: boolean;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Passkeys">
      <SectionHeading note={rows.length}>Passkeys that decide</SectionHeading>
      <p class="small muted">
        A person’s first passkey counts once a signed roster lists it. Each later one has a day
        first, in which everybody is told: whoever holds the sign-in could add one as somebody else.
        If one of these is not its person’s, withdraw it and tell the security team.
      </p>
      <DataTable
        caption="Passkeys, the newest first"
        rows={rows}
        empty="Nobody has a passkey yet; each adds theirs under You."
        columns={[
          {
            label: 'Person',
            nowrap: true,
            cell: ({ passkey, person }) => plain(person?.name ?? passkey.person),
          },
          { label: 'Name', cell: ({ passkey }) => plain(passkey.label) },
          { label: 'State', wide: true, cell: (row) => <PasskeyState {...row} now={now} /> },
          {
            label: 'Added',
            nowrap: true,
            cell: ({ passkey }) => <Time at={passkey.enrolledAt} now={now} />,
          },
          {
            label: 'If it is not theirs',
            nowrap: true,
            cell: (row) =>
              mayWithdraw && mayBeWithdrawn(row, now) ? (
                <PostForm action="/passkeys/withdrawal" csrfToken={frame.csrfToken}>
                  <input type="hidden" name="credentialId" value={row.passkey.credentialId} />
                  <Button kind="danger">Withdraw</Button>
                </PostForm>
              ) : null,
          },
        ]}
      />
    </Layout>
  );
}

/** Whether it is in its first day, and nobody took it away. */
const mayBeWithdrawn = ({ passkey, enrolment }: ShownPasskey, now: Date): boolean =>
  passkey.revokedAt === null &&
  (enrolment === null || (enrolment.withdrawnAt === null && enrolment.countsFrom > now));

export function PasskeyState({
  passkey,
  person,
  enrolment,
  now,
}: ShownPasskey & { readonly now: Date }) {
  if (passkey.revokedAt !== null || (enrolment !== null && enrolment.withdrawnAt !== null)) {
    return <Status tone="bad">withdrawn</Status>;
  }
  if (enrolment === null) {
    return <Status tone="busy">on its way into the ledger; there within seconds</Status>;
  }
  const countsFrom = countsFromIn(person ?? undefined, enrolment);
  if (countsFrom !== null && countsFrom > now) {
    return (
      <Status tone="wait">
        counts <Time at={countsFrom} now={now} />, when it is in the roster by then
      </Status>
    );
  }
  return rosterAllows(person ?? undefined, passkey) ? (
    <Status tone="good">in force</Status>
  ) : (
    <Status tone="wait">in the ledger; counts once it is in the roster</Status>
  );
}
