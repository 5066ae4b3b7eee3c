import type { ComponentChildren } from 'preact';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';

/**
 * A box with a heading.
 *
 * @param emphasis draws the border of the one box on the page that asks something of the viewer.
 */
export function Card({
  title,
  icon,
  id,
  emphasis = false,
  children,
}: {
  readonly title?: string;
  readonly icon?: IconName;
  readonly id?: string;
  readonly emphasis?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={emphasis ? 'card card-emphasis' : 'card'} {...(id === undefined ? {} : { id })}>
      {title === undefined ? null : (
        <h2>
          {icon === undefined ? null : <Icon name={icon} />}
          {title}
        </h2>
      )}
      {children}
    </section>
  );
}

/** Cards side by side where there is room, three at most. */
export function CardGrid({ children }: { readonly children: ComponentChildren }) {
  return <div class="card-grid">{children}</div>;
}

/** The story on the left, the decision and what belongs to it on the right; below each other on a narrow screen. */
export function WithAside({
  aside,
  children,
}: {
  readonly aside: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="with-aside">
      <div class="stack">{children}</div>
      <aside class="stack">{aside}</aside>
    </div>
  );
}

/** A heading of the page's second level with a count or note beside it. */
export function SectionHeading({
  children,
  note,
  id,
  keys,
}: {
  readonly children: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly id?: string;
  /** Go to it from anywhere on the page (see keys.ts). */
  readonly keys?: string;
}) {
  return (
    <h2
      {...(id === undefined ? {} : { id })}
      {...(keys === undefined ? {} : { 'data-keys': keys, tabIndex: -1 })}
    >
      {children}
      {note === undefined ? null : <span class="muted heading-note"> {note}</span>}
    </h2>
  );
}
