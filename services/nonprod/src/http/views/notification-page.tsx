import { Status } from '@airlock/web/views/badge';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { CheckField, PostForm, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import type { NotificationChoice, SentNotification } from '../../app/notification-ports.ts';

const states = {
  sent: { tone: 'good', text: 'sent' },
  waiting: { tone: 'plain', text: 'will be tried again' },
  dead: { tone: 'bad', text: 'not delivered' },
} as const;

export function NotificationPage({
  frame,
  choice,
  sent,
  isEverybodys,
  now,
}: {
  readonly frame: Frame;
  /** Null for who has chosen nothing, and so gets nothing. */
  readonly choice: NotificationChoice | null;
  readonly sent: readonly SentNotification[];
  /** Whether what everybody and every channel was sent is shown. */
  readonly isEverybodys: boolean;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title="Notifications">
      <p class="muted">
        You hear of runs that fail, that pass again and that wait to be released: those of your own
        commits and pull requests, and of your groups’ repositories where their rule says so. A
        message carries a link and decides nothing.
      </p>
      <WithAside aside={<ChoiceBox frame={frame} choice={choice} />}>
        <SectionHeading>{isEverybodys ? 'Sent to everybody' : 'Sent to you'}</SectionHeading>
        <DataTable
          caption={isEverybodys ? 'Notifications to everybody' : 'Notifications to you'}
          stacked
          rows={sent}
          empty={
            choice === null
              ? 'Nothing was sent to you: say where you read mail.'
              : 'Nothing was sent to you yet.'
          }
          columns={[
            {
              label: 'What',
              wide: true,
              cell: ({ title, path, channel, recipient }) => (
                <>
                  <a href={path}>{title}</a>
                  <div class="muted small">
                    {channel}
                    {recipient === '' ? '' : ` to ${recipient}`}
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

function State({ row: { state, tries, error } }: { readonly row: SentNotification }) {
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

function ChoiceBox({
  frame,
  choice,
}: {
  readonly frame: Frame;
  readonly choice: NotificationChoice | null;
}) {
  return (
    <Card title="Mail to you" icon="person" emphasis>
      <PostForm action="/me/notifications" csrfToken={frame.csrfToken}>
        <TextField
          label="Address"
          name="address"
          hint="Such as dana@example.com, its domain in lower case. Commits by this address are yours here."
          required
          maxLength={254}
          {...(choice === null ? {} : { value: choice.address })}
        />
        <CheckField name="mail" label="Write to me" checked={choice?.mail ?? true} />
        <Button kind="primary" block>
          Save
        </Button>
      </PostForm>
    </Card>
  );
}
