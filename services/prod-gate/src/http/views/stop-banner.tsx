import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { KnownStop } from '../../domain/stop.ts';
import { placerOf, stopEffect, stopTitles } from '../../domain/stop-words.ts';
import { plain } from './words.ts';

/** What is stopped, why, and where to start again; on every page of what it holds. */
export function StopBanner({ stop }: { readonly stop: KnownStop }) {
  const { kind, targets, matter, person, reason, until } = stop;
  const where = targets.length === 0 ? 'all targets' : targets.join(', ');
  const why = reason === null ? '' : ` “${plain(reason)}”`;
  const end =
    until === null
      ? 'Two people start again on /controls.'
      : `It ends by itself at ${until.toISOString().slice(0, 16)}Z, or when two people start again on /controls.`;
  return (
    <VerdictBanner
      kind={until === null ? 'person' : 'time'}
      icon="stop"
      title={`${stopTitles[kind]}: ${matter === null ? where : `${plain(matter)} on ${where}`}.`}
      text={`${plain(placerOf(person))}:${why} ${stopEffect(stop)} ${end}`}
    />
  );
}
