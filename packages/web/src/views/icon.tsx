import octicons from '@primer/octicons';
import { h } from 'preact';
import type { IconName } from './icon-names.ts';

/**
 * An Octicon drawn by the server.
 *
 * @param label what a screen reader says; without it the icon is decoration and the text beside it must say the same.
 */
export function Icon({
  name,
  label,
  size = 16,
}: {
  readonly name: IconName;
  readonly label?: string;
  readonly size?: 16 | 24;
}) {
  const drawing = octicons[name]?.heights[String(size)]?.ast;
  if (drawing === undefined) throw new Error(`Octicons has no icon ${name} of ${size} px`);
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox={`0 0 ${size} ${size}`}
      fill="currentColor"
      focusable="false"
      {...(label === undefined ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': label })}
    >
      {drawing.children.map((child) => h(child.name, { ...child.attributes }))}
    </svg>
  );
}
