import { Card } from '@airlock/web/views/card';
import { Layout, type Frame } from '@airlock/web/views/layout';
import type { Incident } from '../../domain/incident.ts';
import type { KnownStop } from '../../domain/stop.ts';
import { stopTitles } from '../../domain/stop-words.ts';
import { StopWords, stopPlace } from './controls-page.tsx';
import { IncidentTimeline } from './incident-timeline.tsx';

/** One stop, in force or over, and what came of it. */
export function StopPage({
  frame,
  stop,
  incident,
  now,
}: {
  readonly frame: Frame;
  readonly stop: KnownStop;
  readonly incident: Incident | null;
  readonly now: Date;
}) {
  return (
    <Layout frame={frame} title={`${stopTitles[stop.kind]}: ${stopPlace(stop)}`}>
      <Card title={stop.id} icon="stop">
        <StopWords stop={stop} now={now} />
        {incident === null ? (
          <p class="muted">The ledger has it within seconds.</p>
        ) : (
          <IncidentTimeline incident={incident} now={now} />
        )}
        <p>
          <a href="/controls">Everything that is stopped</a>
        </p>
      </Card>
    </Layout>
  );
}
