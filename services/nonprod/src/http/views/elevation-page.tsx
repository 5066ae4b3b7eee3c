import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { Elevation } from '../../app/elevation-ports.ts';
import {
  defaultElevationMinutes,
  mayBecomeAdministrator,
  mostElevationMinutes,
  type AdministratorWish,
  type Standing,
} from '../../domain/elevation.ts';

interface Shown {
  readonly frame: Frame;
  /** Who looks. */
  readonly person: string;
  readonly standing: Standing;
  /** In this session; null before. */
  readonly own: Elevation | null;
  /** Where somebody wanted to go who was sent here. */
  readonly returnTo: string;
  readonly now: Date;
}

interface Lists {
  readonly list: readonly Elevation[];
  readonly wishes: readonly AdministratorWish[];
  /** Named in the configuration. */
  readonly first: readonly string[];
}

export function ElevationPage({ list, wishes, first, ...shown }: Shown & Lists) {
  const { frame, now } = shown;
  return (
    <Layout
      frame={frame}
      title="Administrator"
      breadcrumbs={[{ label: 'You', href: '/me' }, { label: 'Administrator' }]}
    >
      <p class="muted">
        Whoever may administer is a member like any other until they say what for. It holds in the
        one session that it was taken up in, and ends with it. All who may administer see it here
        and on top of their pages. The first time, somebody else who is administrator says yes.
      </p>
      <WithAside aside={<OwnBox {...shown} />}>
        <SectionHeading
          note={first.length + wishes.filter(({ admittedBy }) => admittedBy !== null).length}
        >
          Who may
        </SectionHeading>
        <Wishes {...shown} wishes={wishes} first={first} />
        <SectionHeading>Who was, and why</SectionHeading>
        <DataTable
          caption="Administrators, newest first"
          stacked
          rows={list}
          empty="Nobody was administrator yet."
          columns={[
            {
              label: 'Who and why',
              wide: true,
              cell: ({ person, reason }) => (
                <>
                  {person}
                  <div class="muted small">{reason}</div>
                </>
              ),
            },
            { label: 'From', nowrap: true, cell: ({ beganAt }) => <Time at={beganAt} now={now} /> },
            { label: 'To', nowrap: true, cell: (row) => <End row={row} now={now} /> },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function Wishes({ wishes, first, ...shown }: Shown & Omit<Lists, 'list'>) {
  return (
    <>
      <p class="muted">
        {first.length === 0
          ? 'The configuration names nobody who needs no yes.'
          : `Named in the configuration: ${first.join(', ')}.`}
      </p>
      <DataTable
        caption="Who asked, and who said yes"
        stacked
        rows={wishes}
        empty="Nobody else asked yet."
        columns={[
          {
            label: 'Who and what for',
            wide: true,
            cell: ({ person, reason }) => (
              <>
                {person}
                <div class="muted small">{reason}</div>
              </>
            ),
          },
          {
            label: 'Asked',
            nowrap: true,
            cell: ({ askedAt }) => <Time at={askedAt} now={shown.now} />,
          },
          {
            label: 'Yes',
            nowrap: true,
            cell: ({ admittedBy }) => (
              <Status tone={admittedBy === null ? 'wait' : 'good'}>
                {admittedBy === null ? 'waits' : `by ${admittedBy}`}
              </Status>
            ),
          },
          { label: 'Do', nowrap: true, cell: (wish) => <Answer {...shown} wish={wish} /> },
        ]}
      />
    </>
  );
}

/** What an administrator may say to it; nobody says yes to themselves. */
function Answer({ frame, own, person, wish }: Shown & { readonly wish: AdministratorWish }) {
  if (own === null) return null;
  const { csrfToken } = frame;
  const path = `/me/administrator/wishes/${wish.id}`;
  const waits = wish.admittedBy === null;
  return (
    <div class="form">
      {waits && wish.person !== person ? (
        <PostForm action={`${path}/admit`} csrfToken={csrfToken}>
          <Button kind="primary">Say yes</Button>
        </PostForm>
      ) : null}
      <PostForm action={`${path}/withdraw`} csrfToken={csrfToken}>
        <Button kind="danger">{waits ? 'Say no' : 'Take it back'}</Button>
      </PostForm>
    </div>
  );
}

function End({ row, now }: { readonly row: Elevation; readonly now: Date }) {
  const at = row.endedAt ?? row.endsAt;
  return (
    <Status tone={at > now ? 'wait' : 'plain'}>
      {at > now ? 'until' : 'ended'} <Time at={at} now={now} />
    </Status>
  );
}

function OwnBox({ frame, own, standing, returnTo, now }: Shown) {
  if (own !== null) {
    return (
      <Card title="You are administrator" icon="key" emphasis>
        <p>
          Until <Time at={own.endsAt} now={now} />: {own.reason}
        </p>
        <PostForm action="/me/administrator/end" csrfToken={frame.csrfToken}>
          <Button kind="danger" block>
            End it
          </Button>
        </PostForm>
      </Card>
    );
  }
  if (standing === 'waiting') {
    return (
      <Card title="Your wish waits" icon="clock" emphasis>
        <p>
          Somebody else who is administrator says yes, once. Then you become administrator here
          whenever you need to.
        </p>
      </Card>
    );
  }
  return (
    <Card
      title={mayBecomeAdministrator(standing) ? 'Become administrator' : 'Ask for your first time'}
      icon="key"
      emphasis
    >
      <PostForm action="/me/administrator" csrfToken={frame.csrfToken}>
        <input type="hidden" name="returnTo" value={returnTo} />
        <TextField
          label="What for"
          name="reason"
          hint="Others read it, now and in a year."
          required
          minLength={5}
          maxLength={500}
        />
        <SelectField
          label="For how long"
          name="minutes"
          value={String(defaultElevationMinutes)}
          options={[10, defaultElevationMinutes, mostElevationMinutes].map((minutes) => ({
            value: String(minutes),
            label: `${minutes} minutes`,
          }))}
        />
        <Button kind="primary" icon="key" block>
          {mayBecomeAdministrator(standing) ? 'Become administrator' : 'Ask'}
        </Button>
      </PostForm>
    </Card>
  );
}
