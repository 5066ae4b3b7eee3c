import { effectOf, type Incident } from '../domain/incident.ts';
import { effectInWords } from '../domain/incident-words.ts';
import { entrySentence } from './views/ledger-page.tsx';

/** What came of a stop, for machines; times in milliseconds after it was placed. */
export function incidentJson(incident: Incident, now: Date) {
  const { stop, liftedAt, events, deliveries } = incident;
  const since = stop.placedAt;
  const { living, ...effect } = effectOf(incident, now);
  return {
    liftedAt: liftedAt?.toISOString() ?? null,
    summary: effectInWords(incident, now),
    effect: {
      ...effect,
      living: living.map(({ delivery, until }) => ({
        ...{ delivery, until: until?.toISOString() ?? null },
      })),
    },
    deliveries: deliveries.map(({ id, target }) => ({ delivery: id, target })),
    timeline: events.map(({ index, entry }) => ({
      ...{ index, at: entry.at, type: entry.type, says: entrySentence(entry) },
      afterMs: Math.max(0, Date.parse(entry.at) - since.getTime()),
    })),
  };
}
