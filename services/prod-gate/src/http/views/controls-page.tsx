import { liftQuorum } from '@airlock/common/approval/lift';
import { Button } from '@airlock/web/views/button';
import { Card, SectionHeading, WithAside } from '@airlock/web/views/card';
import { CodeBlock } from '@airlock/web/views/code-block';
import { DataTable } from '@airlock/web/views/data-table';
import { EmptyState } from '@airlock/web/views/empty-state';
import { PostForm, SelectField, TextField } from '@airlock/web/views/form';
import { Layout, type Frame } from '@airlock/web/views/layout';
import { PasskeyForm } from '@airlock/web/views/passkey-form';
import { Time } from '@airlock/web/views/time';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { LiveTouched } from '../../app/view-blast-radius.ts';
import type { StopInForce, StopsView } from '../../app/view-stops.ts';
import { effectInWords } from '../../domain/incident-words.ts';
import type { KnownStop } from '../../domain/stop.ts';
import { placerOf, stopEffect, stopTitles } from '../../domain/stop-words.ts';
import { blastRadiusHref } from './blast-radius-page.tsx';
import { IncidentTimeline } from './incident-timeline.tsx';
import { LiveOnIt } from './live-touched.tsx';
import { plain } from './words.ts';

/** With what is live and rests on what is in quarantine. */
export type ShownStops = StopsView & { readonly live: readonly LiveTouched[] };

/** Everything that stops the gate, three clicks from any page. */
export function ControlsPage({
  frame,
  view,
  now,
}: {
  readonly frame: Frame;
  readonly view: ShownStops;
  readonly now: Date;
}) {
  const { inForce, over, emergencyStop, targets } = view;
  return (
    <Layout frame={frame} title="Controls" scripts={['passkey.js']}>
      {emergencyStop === null ? null : (
        <VerdictBanner
          kind="system"
          icon="stop"
          title="The emergency stop is set on the gate’s host."
          text="Nothing is taken in or delivered until somebody of platform removes the file emergency-stop there, beside administrators.json, and two people lift the stop that it left."
        />
      )}
      <WithAside aside={<Stopping frame={frame} targets={targets} />}>
        <SectionHeading note={inForce.length === 0 ? undefined : inForce.length}>
          Stopped now
        </SectionHeading>
        {inForce.length === 0 ? (
          <EmptyState title="Nothing is stopped.">
            Stopping takes one person and a reason; starting again takes two, each with a passkey.
          </EmptyState>
        ) : (
          inForce.map(({ stop, signedBy, incident }) => (
            <StopCard
              key={stop.id}
              {...{ frame, stop, signedBy, incident, now }}
              live={view.live.filter((each) => each.stop.id === stop.id)}
            />
          ))
        )}
        {over.length === 0 ? null : <Over stops={over} now={now} />}
      </WithAside>
    </Layout>
  );
}

function StopCard({
  frame,
  stop,
  signedBy,
  incident,
  live,
  now,
}: StopInForce & {
  readonly frame: Frame;
  readonly live: readonly LiveTouched[];
  readonly now: Date;
}) {
  const { id, kind, digest } = stop;
  return (
    <Card title={`${stopTitles[kind]}: ${stopPlace(stop)}`} icon="stop">
      <StopWords stop={stop} now={now} />
      {incident === null ? (
        <p class="muted">The ledger has it within seconds.</p>
      ) : (
        <IncidentTimeline incident={incident} now={now} />
      )}
      <LiveOnIt live={live} />
      {stop.matter === null || kind === 'revoke-leases' ? null : (
        <p class="small">
          <a href={blastRadiusHref(stop.matter)}>Blast radius</a>
        </p>
      )}
      <p class="small muted">
        Start again: {signedBy.length} of {liftQuorum} signed
        {signedBy.length === 0 ? '' : ` (${signedBy.join(', ')})`}
      </p>
      <PasskeyForm
        purpose="approve"
        optionsUrl={`/api/v1/stops/${id}/lift/options`}
        finishUrl={`/api/v1/stops/${id}/lift`}
        doneUrl="/controls"
        csrfToken={frame.csrfToken}
        promotionDigest={digest}
      >
        <details>
          <summary>What your passkey signs</summary>
          <CodeBlock slot="statement" label="The statement">
            {digest}
          </CodeBlock>
        </details>
        <Button icon="key">Start again</Button>
      </PasskeyForm>
    </Card>
  );
}

/** Why, who, since when, and what it does. */
export function StopWords({ stop, now }: { readonly stop: KnownStop; readonly now: Date }) {
  const { person, placedAt, until, reason, except } = stop;
  return (
    <>
      <p>
        {reason === null ? (
          <span class="muted">The ledger has this stop; its row is gone.</span>
        ) : (
          <>“{plain(reason)}”</>
        )}
      </p>
      <p>
        {plain(placerOf(person))}, <Time at={placedAt} now={now} />. {stopEffect(stop)}
        {until === null ? null : (
          <>
            {' '}
            Over by itself <Time at={until} now={now} />.
          </>
        )}
        {except.length === 0 ? null : (
          <>
            {' '}
            Let through: <PromotionLinks ids={except} />.
          </>
        )}
      </p>
    </>
  );
}

function PromotionLinks({ ids }: { readonly ids: readonly string[] }) {
  return (
    <>
      {ids.map((id, index) => (
        <>
          {index === 0 ? '' : ', '}
          <a href={`/promotions/${id}`}>{id}</a>
        </>
      ))}
    </>
  );
}

export const stopPlace = ({ targets, matter }: KnownStop): string =>
  [
    ...(matter === null ? [] : [plain(matter)]),
    targets.length === 0 ? 'all targets' : targets.join(', '),
  ].join(' on ');

function Stopping({
  frame,
  targets,
}: {
  readonly frame: Frame;
  readonly targets: readonly string[];
}) {
  return (
    <Card title="Stop" icon="stop">
      <PostForm action="/controls" csrfToken={frame.csrfToken}>
        <SelectField
          label="What"
          name="kind"
          options={[
            { value: 'freeze', label: 'Freeze: new deliveries wait' },
            { value: 'stop-all', label: 'Stop all: end what runs, too' },
            { value: 'revoke-leases', label: 'Revoke leases: kill what runs, revoke at once' },
            { value: 'cut-pair', label: 'Cut the pair: take nothing in' },
          ]}
        />
        <SelectField
          label="Where"
          name="target"
          options={[
            { value: '', label: 'All targets' },
            ...targets.map((target) => ({ value: target, label: target })),
          ]}
        />
        <TextField
          label="For how many hours"
          name="hours"
          hint="Of a freeze. Left empty, two people end it."
          maxLength={3}
        />
        <TextField
          label="Let through"
          name="except"
          hint="Of a freeze: ids of promotions, such as prm_7k2q9x0d1f. The ledger has each that passes."
          maxLength={256}
        />
        <TextField
          label="Why"
          name="reason"
          hint="Everybody whose delivery waits reads it."
          multiline
          required
          maxLength={500}
        />
        <Button kind="danger" icon="stop" block>
          Stop
        </Button>
      </PostForm>
      <p class="small muted">
        It counts at once. Starting again takes two people with a passkey each.
      </p>
      <p class="small">
        Whose word counts here: <a href="/trust">Trust</a>. A key, a runner, a commit, a person is
        bad? <a href="/blast-radius">Blast radius</a>
      </p>
      <p class="small">
        Delivered by break-glass? <a href="/reviews">Reviews</a>
      </p>
    </Card>
  );
}

function Over({ stops, now }: { readonly stops: StopsView['over']; readonly now: Date }) {
  return (
    <>
      <SectionHeading>Over</SectionHeading>
      <DataTable
        caption="Stops that were lifted or whose time is over"
        rows={stops}
        empty="None."
        stacked
        columns={[
          {
            label: 'Stop',
            nowrap: true,
            cell: ({ stop }) => <a href={`/controls/${stop.id}`}>{stopTitles[stop.kind]}</a>,
          },
          { label: 'Where', cell: ({ stop }) => stopPlace(stop) },
          { label: 'Why', wide: true, cell: ({ stop }) => plain(stop.reason ?? '') },
          {
            label: 'What came of it',
            cell: ({ incident }) => (incident === null ? '' : effectInWords(incident, now)),
          },
          { label: 'By', nowrap: true, cell: ({ stop }) => plain(placerOf(stop.person)) },
          { label: 'Since', cell: ({ stop }) => <Time at={stop.placedAt} now={now} /> },
        ]}
      />
    </>
  );
}
