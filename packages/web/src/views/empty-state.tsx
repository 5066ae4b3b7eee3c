import type { ComponentChildren } from 'preact';

/** Says why nothing is here and what would bring something. */
export function EmptyState({
  title,
  children,
}: {
  readonly title?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <div class="empty">
      {title === undefined ? null : <strong>{title}</strong>}
      <div>{children}</div>
    </div>
  );
}
