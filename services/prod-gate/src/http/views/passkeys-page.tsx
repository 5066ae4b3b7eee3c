import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { mayOthersWithdraw, passkeyState, type ShownPasskey } from '../../app/passkey-state.ts';
import { plain } from './words.ts';

export interface ShownPasskeys {
  /** The oldest first, all of them. */
  readonly waiting: readonly ShownPasskey[];
  /** The newest first, those of one page. */
  readonly rest: readonly ShownPasskey[];
  /** From 1. */
  readonly page: number;
  readonly hasMore: boolean;
}

export function PasskeysPage({
  frame,
  waiting,
  rest,
  page,
  hasMore,
  mayWithdraw,
  now,
}: ShownPasskeys & {
  readonly frame: Frame;
  readonly mayWithdraw: boolean;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Passkeys">
      <SectionHeading note={waiting.length}>Passkeys that wait</SectionHeading>
      <p class="small muted">
        A person’s first passkey counts once a signed roster lists it. Each later one has a day
        first, in which everybody is told: whoever holds the sign-in could add one as somebody else.
        If one of these is not its person’s, withdraw it and tell the security team.
      </p>
      <Passkeys
        caption="Passkeys that wait, the oldest first"
        rows={waiting}
        empty="None waits."
        {...{ frame, mayWithdraw, now }}
      />
      <SectionHeading>In force, or withdrawn</SectionHeading>
      <Passkeys
        caption="Passkeys in force or withdrawn, the newest first"
        rows={rest}
        empty={
          page === 1
            ? 'Nobody has a passkey in force yet; each adds theirs under You.'
            : 'No more of them; go back to newer ones.'
        }
        {...{ frame, mayWithdraw, now }}
      />
      <p>
        {page > 1 ? <a href={`/passkeys?page=${page - 1}`}>Newer ones</a> : null}{' '}
        {hasMore ? <a href={`/passkeys?page=${page + 1}`}>Older ones</a> : null}
      </p>
    </Layout>
  );
}

function Passkeys({
  frame,
  caption,
  rows,
  empty,
  mayWithdraw,
  now,
}: {
  readonly frame: Frame;
  readonly caption: string;
  readonly rows: readonly ShownPasskey[];
  readonly empty: string;
  readonly mayWithdraw: boolean;
  readonly now: Date;
}) {
  return (
    <DataTable
      {...{ caption, rows, empty }}
      stacked
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
            mayWithdraw && mayOthersWithdraw(row, now) ? (
              <PostForm action="/passkeys/withdrawal" csrfToken={frame.csrfToken}>
                <input type="hidden" name="credentialId" value={row.passkey.credentialId} />
                <Button kind="danger">Withdraw</Button>
              </PostForm>
            ) : null,
        },
      ]}
    />
  );
}

export function PasskeyState({ now, ...shown }: ShownPasskey & { readonly now: Date }) {
  switch (passkeyState(shown, now)) {
    case 'withdrawn':
      return <Status tone="bad">withdrawn</Status>;
    case 'recording':
      return <Status tone="busy">on its way into the ledger; there within seconds</Status>;
    case 'first-day':
      return (
        <Status tone="wait">
          counts <Time at={shown.enrolment?.countsFrom ?? now} now={now} />, when it is in the
          roster by then
        </Status>
      );
    case 'unlisted':
      return <Status tone="wait">in the ledger; counts once it is in the roster</Status>;
    case 'in-force':
      return <Status tone="good">in force</Status>;
  }
}
