/** What runs on a target, beside what is live there by the ledger. */
import { Status, type Tone } from '@airlock/web/views/badge';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import { unknownUntilTold } from '../../domain/observation.ts';
import { othersOf, runsInWords, type Sighting } from '../../domain/sighting.ts';
import { plain } from './words.ts';

const tones: Readonly<Record<Sighting['kind'], Tone>> = {
  ...{ unwatched: 'plain', pending: 'wait', same: 'good', other: 'bad', unknown: 'wait' },
};

/** The words of it, and when it was seen. */
export function Running({ sighting, now }: { readonly sighting: Sighting; readonly now: Date }) {
  const { kind } = sighting;
  if (kind === 'unwatched') return <span class="muted">{runsInWords(sighting)}</span>;
  const isOld = 'isOverdue' in sighting && sighting.isOverdue;
  return (
    <>
      <Status tone={isOld && kind === 'same' ? 'wait' : tones[kind]}>
        {plain(runsInWords(sighting))}
      </Status>
      {'observation' in sighting ? (
        <div class="small muted">
          <SeenWhen sighting={sighting} now={now} />
        </div>
      ) : null}
    </>
  );
}

function SeenWhen({
  sighting: { kind, observation, isOverdue },
  now,
}: {
  readonly sighting: Extract<Sighting, { observation: unknown }>;
  readonly now: Date;
}) {
  const { lookedAt, seenAt, since } = observation;
  const isNews = kind !== 'same' && since.getTime() !== lookedAt.getTime();
  return (
    <>
      {kind === 'unknown' ? 'tried' : 'seen'} <Time at={lookedAt} now={now} />
      {isNews ? (
        <>
          , so since <Time at={since} now={now} />
        </>
      ) : null}
      {kind === 'unknown' && seenAt !== null ? (
        <>
          ; seen last <Time at={seenAt} now={now} />
        </>
      ) : null}
      {isOverdue ? '; nobody has looked since: is gate-deliverer running, or is it stopped?' : ''}
    </>
  );
}

/** On top of pages: what was delivered is not what runs, or nobody can say any more; nothing where all is well. */
export function RunningBanner({
  target,
  release,
  sighting,
  now,
}: {
  readonly target: string;
  readonly release: string;
  readonly sighting: Sighting;
  readonly now: Date;
}) {
  if (sighting.kind === 'other') {
    const { running, since } = sighting.observation;
    const others = othersOf(sighting.observation);
    return (
      <VerdictBanner
        kind="fix"
        icon="alert"
        title={
          running.length === 0 ? `Nothing runs on ${target}.` : `Something else runs on ${target}.`
        }
        text={
          <>
            {plain(release)} was delivered there. Since <Time at={since} now={now} />{' '}
            {running.length === 0 ? (
              'nothing runs'
            ) : (
              <>
                {others.length < running.length ? 'there is beside it' : 'what runs is'}{' '}
                <code>{others.join(', ')}</code>
              </>
            )}
            . No delivery of this gate did that: find out who did, and deliver again or{' '}
            <a href={`/targets/${target}/return`}>return to an earlier release</a>.
          </>
        }
      />
    );
  }
  if (sighting.kind !== 'unknown') return null;
  const { byHost, reason, unknownInARow } = sighting.observation;
  if (byHost || unknownInARow >= unknownUntilTold) {
    return (
      <VerdictBanner
        kind="system"
        title={`Nobody can see what runs on ${target}.`}
        text={`${plain(reason ?? '')}.`}
      />
    );
  }
  return null;
}
