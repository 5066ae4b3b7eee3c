import type { ComponentChildren } from 'preact';

export interface Description {
  readonly term: string;
  readonly value: ComponentChildren;
  /** Where the fact comes from, such as "as reported by non-prod, not verified". */
  readonly source?: string;
}

export function DescriptionList({ items }: { readonly items: readonly Description[] }) {
  return (
    <dl class="descriptions">
      {items.map(({ term, value, source }) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>
            {value}
            {source === undefined ? null : <span class="source">{source}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
