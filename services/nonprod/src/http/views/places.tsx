import type { PoolEgress } from '../../domain/pool-egress.ts';

const mostShown = 20;

/** Where builds may connect to. */
export function Places({ egress: { places, said } }: { readonly egress: PoolEgress }) {
  return (
    <>
      {said}
      {places.slice(0, mostShown).map((place) => (
        <div key={place} class="muted small">
          {place}
        </div>
      ))}
      {places.length > mostShown ? (
        <div class="muted small">and {places.length - mostShown} others</div>
      ) : null}
    </>
  );
}
