import { DataTable } from '@airlock/web/views/data-table';
import { Time } from '@airlock/web/views/time';
import type { Incident } from '../../domain/incident.ts';
import { effectInWords, spanText } from '../../domain/incident-words.ts';
import { entrySentence } from './ledger-page.tsx';

/** What came of a stop: the measured time to effect, then entry by entry of the ledger, each so long after it was placed. */
export function IncidentTimeline({
  incident,
  now,
}: {
  readonly incident: Incident;
  readonly now: Date;
}) {
  const { events, stop } = incident;
  return (
    <>
      <p>{effectInWords(incident, now)}</p>
      <DataTable
        caption={`What came of ${stop.id}, as the ledger has it`}
        rows={events}
        empty="Nothing yet."
        stacked
        columns={[
          {
            label: 'After',
            nowrap: true,
            cell: ({ entry }) => spanText(Date.parse(entry.at) - stop.placedAt.getTime()),
          },
          { label: 'What happened', wide: true, cell: ({ entry }) => entrySentence(entry) },
          {
            label: 'At',
            nowrap: true,
            cell: ({ entry }) => <Time at={new Date(entry.at)} now={now} />,
          },
          {
            label: 'Ledger',
            nowrap: true,
            cell: ({ index }) => <a href={`/ledger/${index}`}>no. {index}</a>,
          },
        ]}
      />
    </>
  );
}
