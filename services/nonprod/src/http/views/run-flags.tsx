import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import { Status } from '@airlock/web/views/badge';
import { PostForm, TextField } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { RunDetails } from '../../app/page-queries.ts';
import { openSuspicion } from '../../domain/watch/flag.ts';

/** What was seen of the run's build, and what somebody who looked says of it. */
export function RunFlags({
  frame,
  run,
  now,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly now: Date;
}) {
  const { flags, review } = run;
  if (flags.length === 0) return null;
  const isOpen = openSuspicion(run) !== null;
  return (
    <>
      {isOpen ? (
        <VerdictBanner
          kind="person"
          title="This build looks suspicious."
          text="It cannot be asked for before an owner of the repository who did not start it has looked."
        />
      ) : null}
      <DataTable
        caption="What was seen of this build"
        rows={flags}
        empty=""
        rowId={({ jobId, rule, lines }) => `${jobId}-${rule}-${lines?.step ?? ''}`}
        columns={[
          {
            label: 'Rule',
            nowrap: true,
            cell: ({ kind, rule }) => (
              <Status tone={kind === 'suspicious' ? 'bad' : 'wait'}>{rule}</Status>
            ),
          },
          {
            label: 'Seen',
            wide: true,
            cell: ({ text, jobId, lines }) => (
              <>
                {text}
                {lines === null ? null : (
                  <>
                    {' '}
                    <a href={linesUrl(run.id, jobId, lines)}>To the lines</a>
                  </>
                )}
              </>
            ),
          },
        ]}
      />
      {review === null ? null : (
        <p>
          {review.name} looked at it <Time at={review.at} now={now} />: {review.reason}
        </p>
      )}
      {isOpen && frame.viewer?.roles.includes('developer') === true ? (
        <Card title="You have looked at it" icon="person" emphasis>
          <PostForm action={`/runs/${run.id}/review`} csrfToken={frame.csrfToken}>
            <TextField
              label="What it is, and why it may be promoted"
              name="reason"
              hint="It stands under your name, and is not taken back."
              required
              minLength={5}
              maxLength={500}
            />
            <Button kind="danger" block>
              I looked: it may be asked for
            </Button>
          </PostForm>
        </Card>
      ) : null}
    </>
  );
}

function linesUrl(
  run: string,
  job: string,
  { step, from, to }: { readonly step: string; readonly from: number; readonly to: number },
): string {
  const query = new URLSearchParams({ job, step, from: String(from) }).toString();
  return `/runs/${run}?${query}#L${from}${to === from ? '' : `-L${to}`}`;
}
