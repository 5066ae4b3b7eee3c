import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { CheckField, PostForm } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { SentNews } from '../../app/notification-ports.ts';
import type { Person } from '../../domain/roster.ts';

const states = {
  sent: { tone: 'good', text: 'sent' },
  waiting: { tone: 'plain', text: 'will be tried again' },
  dead: { tone: 'bad', text: 'not delivered' },
} as const;

export function NotificationPage({
  frame,
  person,
  wantsMail,
  sent,
  now,
}: {
  readonly frame: Frame;
  /** Null for somebody whom the roster does not name. */
  readonly person: Person | null;
  readonly wantsMail: boolean;
  readonly sent: readonly SentNews[];
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Notifications">
      <p class="muted">
        What was told to people and channels, newest first. A message carries a link and decides
        nothing.
      </p>
      <WithAside aside={<Choice frame={frame} person={person} wantsMail={wantsMail} />}>
        <SectionHeading note={sent.length}>Told</SectionHeading>
        <DataTable
          caption="Notifications"
          stacked
          rows={sent}
          empty="Nothing was told to anybody: nothing happened yet, or intake’s configuration has no notify section."
          columns={[
            {
              label: 'What',
              wide: true,
              cell: ({ title, path, channel, person: who }) => (
                <>
                  <a href={path}>{title}</a>
                  <div class="muted small">
                    {channel}
                    {who === null ? '' : ` to ${who}`}
                  </div>
                </>
              ),
            },
            { label: 'When', cell: ({ occurredAt }) => <Time at={occurredAt} now={now} /> },
            { label: 'State', cell: (row) => <State row={row} /> },
          ]}
        />
      </WithAside>
    </Layout>
  );
}

function State({ row: { state, tries, error } }: { readonly row: SentNews }) {
  const { tone, text } = states[state];
  return (
    <>
      <Status tone={tone}>{tries === 0 ? 'about to be sent' : text}</Status>
      {error === null ? null : (
        <div class="muted small">
          {tries} {tries === 1 ? 'attempt' : 'attempts'}: {error}
        </div>
      )}
    </>
  );
}

function Choice({
  frame,
  person,
  wantsMail,
}: {
  readonly frame: Frame;
  readonly person: Person | null;
  readonly wantsMail: boolean;
}) {
  return (
    <Card title="Mail to you" icon="person" emphasis>
      {person === null ? (
        <p>The roster does not name you, so nobody writes to you.</p>
      ) : (
        <>
          <p class="small muted">
            {person.mail === undefined
              ? 'The roster has no address of yours; an administrator adds mail under your id.'
              : `It goes to ${person.mail}, as the roster says.`}
          </p>
          <PostForm action="/me/notifications" csrfToken={frame.csrfToken}>
            <CheckField name="mail" label="Write to me about what waits" checked={wantsMail} />
            <Button kind="primary" block>
              Save
            </Button>
          </PostForm>
        </>
      )}
    </Card>
  );
}
