import { Button } from '@airlock/web/views/button';
import { Card } from '@airlock/web/views/card';
import { PostForm } from '@airlock/web/views/form';
import type { Frame } from '@airlock/web/views/layout';
import type { RunDetails } from '../../app/page-queries.ts';
import { isFinished } from '../../domain/run.ts';
import { isAskedAgain, keepingRefusal } from '../../domain/run-life.ts';

/** What a developer may do with a run, and what came of it. */
export function RunActions({ frame, run }: { readonly frame: Frame; readonly run: RunDetails }) {
  const ended = isFinished(run.state);
  const mayAct = frame.viewer?.roles.includes('developer') === true;
  const cancels = mayAct && !ended && run.cancelledBy === null;
  const retries = mayAct && ended && !isAskedAgain(run.retries);
  const keeps =
    retries && keepingRefusal(run) === null && run.jobs.some(({ outcome }) => outcome === 'passed');
  if (!cancels && !retries && run.retries.length === 0) return null;
  return (
    <Card title={ended ? 'Once more' : 'Stop it'}>
      {run.retries.map(({ id, number, refused }) => (
        <p key={id} class={refused === null ? '' : 'muted'}>
          {refused ?? (number === null ? 'Asked for; it starts in a moment.' : '')}
          {number === null ? null : <a href={`/runs/${id}`}>Retried as #{number}</a>}
        </p>
      ))}
      {cancels ? (
        <PostForm action={`/runs/${run.id}/cancel`} csrfToken={frame.csrfToken}>
          <Button kind="danger" block>
            Cancel this run
          </Button>
        </PostForm>
      ) : null}
      {retries ? (
        <PostForm action={`/runs/${run.id}/retry`} csrfToken={frame.csrfToken}>
          <Button block>Retry this run</Button>
        </PostForm>
      ) : null}
      {keeps ? (
        <PostForm action={`/runs/${run.id}/retry`} csrfToken={frame.csrfToken}>
          <input type="hidden" name="onlyFailed" value="yes" />
          <Button block>Retry what did not pass</Button>
        </PostForm>
      ) : null}
    </Card>
  );
}
