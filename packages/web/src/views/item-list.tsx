import type { ComponentChildren } from 'preact';
import type { Tone } from './badge.tsx';

export interface Item {
  readonly id: string;
  readonly tone: Tone;
  /** First line, usually a link: "shop-api 2026.11.21-3 → prod-eu". */
  readonly title: ComponentChildren;
  /** Second line, usually a `Status`. */
  readonly status?: ComponentChildren;
  /** Third line: who asked, when, badges. */
  readonly meta?: ComponentChildren;
  readonly action?: ComponentChildren;
}

/** A queue: one box, a row an item, its colour on the left edge. */
export function ItemList({ items }: { readonly items: readonly Item[] }) {
  return (
    <ul class="items">
      {items.map(({ id, tone, title, status, meta, action }) => (
        <li key={id} id={id} class={`item tone-${tone}`}>
          <div class="item-text">
            <div class="item-title">{title}</div>
            {status === undefined ? null : <div>{status}</div>}
            {meta === undefined ? null : <div class="item-meta">{meta}</div>}
          </div>
          {action}
        </li>
      ))}
    </ul>
  );
}
