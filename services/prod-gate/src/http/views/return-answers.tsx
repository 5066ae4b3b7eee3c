import { SectionHeading } from '@airlock/web/views/card';
import { DataTable } from '@airlock/web/views/data-table';
import type { PromotionDetails } from '../../app/view-promotion.ts';
import { plain } from './words.ts';

const answerInWords = {
  tolerates: 'the schema stays; this release tolerates it',
  down: 'its undoing file takes it back',
} as const;

/** What approvers of a return sign beside the release: why, and what becomes of each migration since. */
export function ReturnAnswers({ view: { promotion } }: { readonly view: PromotionDetails }) {
  const { returns, release, target } = promotion;
  if (returns === null) return null;
  const { delivery, migrations } = returns;
  return (
    <>
      <SectionHeading note={migrations.length === 0 ? undefined : migrations.length}>
        Migrations since
      </SectionHeading>
      <p class="muted">
        {plain(release)} was live on {target} before, by delivery{' '}
        <a href={`/deliveries/${delivery}`}>{delivery}</a>. What becomes of the migrations since is
        part of what you sign.
      </p>
      <DataTable
        caption="Migrations since, and what becomes of each"
        rows={migrations}
        empty="No migration came since."
        stacked
        columns={[
          { label: 'File', kind: 'mono', wide: true, cell: ({ path }) => plain(path) },
          { label: 'Answer', wide: true, cell: ({ answer }) => answerInWords[answer] },
        ]}
      />
    </>
  );
}
