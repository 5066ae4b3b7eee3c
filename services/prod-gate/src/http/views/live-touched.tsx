import type { LiveTouched } from '../../app/view-blast-radius.ts';
import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import { blastRadiusHref } from './blast-radius-page.tsx';
import { stopEffect } from '../../domain/stop-words.ts';
import { plain } from './words.ts';

/** What is live and rests on what is in quarantine, below the stop that says so; a quarantine takes nothing back by itself. */
export function LiveOnIt({ live }: { readonly live: readonly LiveTouched[] }) {
  return (
    <>
      {live.map(({ release: { target, release, promotionId }, isOnlyPossible }) => (
        <p key={target}>
          <strong>{isOnlyPossible ? 'Live, and may rest on it' : 'Live, and rests on it'}:</strong>{' '}
          <a href={`/promotions/${promotionId}`}>{plain(release)}</a> on{' '}
          <a href={`/targets/${target}`}>{target}</a>.{' '}
          <a href={`/targets/${target}/return`}>Return to an earlier release</a>
        </p>
      ))}
    </>
  );
}

/** The same on the page of a target, on top. */
export function QuarantineBanner({ touched }: { readonly touched: LiveTouched }) {
  const { stop, release, isOnlyPossible } = touched;
  const matter = stop.matter ?? '';
  return (
    <VerdictBanner
      kind="fix"
      icon="alert"
      title={isOnlyPossible ? 'What is live here may be bad.' : 'What is live here is bad.'}
      text={
        <>
          {plain(release.release)} {isOnlyPossible ? 'may rest' : 'rests'} on{' '}
          <a href={blastRadiusHref(matter)}>
            <code>{plain(matter)}</code>
          </a>
          , which {plain(stop.person)} put into quarantine
          {stop.reason === null ? '' : `: “${plain(stop.reason)}”`}. {stopEffect(stop)} Two people
          start again on <a href="/controls">Controls</a>.{' '}
          <a href={`/targets/${release.target}/return`}>Return to an earlier release</a>
        </>
      }
    />
  );
}
