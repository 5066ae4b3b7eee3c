import { Button } from '@airlock/web/views/button';
import { SectionHeading } from '@airlock/web/views/card';
import { PostForm, TextField } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import { LogWindow } from '@airlock/web/views/log-window';
import { Time } from '@airlock/web/views/time';
import type { RunDetails } from '../../app/page-queries.ts';
import { isFinished } from '../../domain/run.ts';
import { logQuery } from '../log-choice.ts';
import type { ShownLog } from '../shown-log.ts';
import { duration } from './words.ts';

/** The log of one step of a run. */
export function LogSection({
  frame,
  run,
  shown,
  now,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly shown: ShownLog;
  readonly now: Date;
}) {
  const { log, lines, total, failure, attempts, deletedAt } = shown;
  const { job, step, name } = log;
  const url = `/runs/${run.id}`;
  const query = logQuery(log);
  const grows = name.lease === job.lease && job.state === 'leased';
  const of = run.jobs.length === 1 ? step.name : `${job.title} / ${step.name}`;
  return (
    <>
      <SectionHeading id="log">{`Log of ${of}`}</SectionHeading>
      {attempts.length < 2 ? null : (
        <p class="muted">
          {'A runner was lost: '}
          {attempts.map((lease, index) => [
            index === 0 ? '' : ' · ',
            lease === name.lease ? (
              <strong key={lease}>attempt {index + 1}</strong>
            ) : (
              <a key={lease} href={`${url}?${logQuery(log, { lease: String(lease) })}#log`}>
                attempt {index + 1}
              </a>
            ),
          ])}
        </p>
      )}
      {deletedAt === null ? (
        <LogWindow
          label={`Log of ${of}`}
          {...{ lines, total, failure }}
          linesUrl={`/api/v1${url}/lines?${query}`}
          searchUrl={`/api/v1${url}/search?${query}`}
          wholeUrl={`${url}/log.txt?${query}`}
          pageUrl={`${url}?${query}`}
          empty={emptyLog(run, shown, now)}
          {...(grows ? { streamUrl: `${url}/lines?${query}` } : {})}
        />
      ) : (
        <p>
          The log was deleted <Time at={deletedAt} now={now} />, when its time was over.
        </p>
      )}
      <Hold {...{ frame, run, shown, now }} />
    </>
  );
}

function Hold({
  frame,
  run,
  shown: { hold, deletedAt },
  now,
}: {
  readonly frame: Frame;
  readonly run: RunDetails;
  readonly shown: ShownLog;
  readonly now: Date;
}) {
  const isPlatform = frame.viewer?.roles.includes('platform') === true;
  const action = `/runs/${run.id}/log-hold`;
  if (hold !== null) {
    return (
      <div class="muted">
        <p>
          {hold.placedBy} keeps the logs of this run beyond their time since{' '}
          <Time at={hold.placedAt} now={now} />: {hold.reason}
        </p>
        {isPlatform ? (
          <PostForm action={`${action}/lift`} csrfToken={frame.csrfToken}>
            <Button>Let them go</Button>
          </PostForm>
        ) : null}
      </div>
    );
  }
  if (!isPlatform || deletedAt !== null || !isFinished(run.state)) return null;
  return (
    <details>
      <summary class="muted">Keep these logs beyond their time</summary>
      <PostForm action={action} csrfToken={frame.csrfToken}>
        <TextField label="Why" name="reason" required maxLength={1000} />
        <Button>Keep them</Button>
      </PostForm>
    </details>
  );
}

function emptyLog(run: RunDetails, { log: { job, step } }: ShownLog, now: Date): string {
  if (step.state === 'skipped') return 'This step was skipped.';
  if (step.state === 'queued' && job.state !== 'finished') {
    return run.state === 'running' && job.state === 'leased'
      ? 'This step waits for others.'
      : 'Nothing has run yet.';
  }
  if (step.state !== 'running') return 'This step wrote nothing.';
  return `No output yet. The step began ${duration(step.startedAt, now)} ago.`;
}
