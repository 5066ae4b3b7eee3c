import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { Elevation } from '../../app/elevation-ports.ts';
import { defaultElevationMinutes, mostElevationMinutes } from '../../domain/elevation.ts';

interface Shown {
  readonly frame: Frame;
  /** In this session; null before. */
  readonly own: Elevation | null;
  /** Where somebody wanted to go who was sent here. */
  readonly returnTo: string;
  readonly now: Date;
}

export function ElevationPage({ list, ...shown }: Shown & { readonly list: readonly Elevation[] }) {
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
        and on top of their pages.
      </p>
      <WithAside aside={<OwnBox {...shown} />}>
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

function End({ row, now }: { readonly row: Elevation; readonly now: Date }) {
  const at = row.endedAt ?? row.endsAt;
  return (
    <Status tone={at > now ? 'wait' : 'plain'}>
      {at > now ? 'until' : 'ended'} <Time at={at} now={now} />
    </Status>
  );
}

function OwnBox({ frame, own, returnTo, now }: Shown) {
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
  return (
    <Card title="Become administrator" icon="key" emphasis>
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
          Become administrator
        </Button>
      </PostForm>
    </Card>
  );
}
