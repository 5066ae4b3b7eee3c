import { Card } from '@airlock/web/views/card';
import { Digest } from '@airlock/web/views/code-block';
import { DescriptionList } from '@airlock/web/views/description-list';
import { Time } from '@airlock/web/views/time';
import type { TrustDescription } from '../../app/describe-trust.ts';
import { trustWords } from '../../domain/trust-level.ts';

/** How far a run is trusted, and what follows from it. */
export function TrustCard({
  description: { trust, release },
  now,
}: {
  readonly description: TrustDescription;
  readonly now: Date;
}) {
  return (
    <Card title={`Trust ${trust.level}: ${trustWords[trust.level]}`} icon="shield-check">
      <p>{sentence(trust.why)}</p>
      {trust.notes.map((note) => (
        <p key={note} class="muted">
          {note}
        </p>
      ))}
      <DescriptionList
        items={[
          {
            term: 'Pipeline files',
            value:
              trust.files === 'own' ? (
                'of its own commit'
              ) : (
                <>
                  of the base branch, <Digest value={trust.filesCommit} />
                </>
              ),
          },
          ...(release === null
            ? []
            : [
                {
                  term: 'Released',
                  value: (
                    <>
                      by {release.name} <Time at={release.at} now={now} />
                    </>
                  ),
                },
              ]),
        ]}
      />
    </Card>
  );
}

function sentence(why: string): string {
  return `${why.charAt(0).toUpperCase()}${why.slice(1)}.`;
}
