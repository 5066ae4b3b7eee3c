import octicons from '@primer/octicons';
import { h } from 'preact';

/** The icons that pages use; any other name of Octicons can be added here. */
export const iconNames = [
  'alert',
  'archive',
  'arrow-right',
  'beaker',
  'calendar',
  'check',
  'check-circle-fill',
  'circle-slash',
  'clock',
  'container',
  'database',
  'diff',
  'eye',
  'file',
  'file-diff',
  'git-branch',
  'git-commit',
  'git-merge',
  'git-pull-request',
  'history',
  'hourglass',
  'info',
  'issue-opened',
  'key',
  'link-external',
  'lock',
  'log',
  'package',
  'passkey-fill',
  'people',
  'person',
  'plug',
  'question',
  'rocket',
  'server',
  'shield-check',
  'shield-lock',
  'shield-slash',
  'shield-x',
  'sign-in',
  'sign-out',
  'skip',
  'stop',
  'stopwatch',
  'sync',
  'tag',
  'terminal',
  'workflow',
  'x',
  'x-circle',
  'x-circle-fill',
] as const;
export type IconName = (typeof iconNames)[number];

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
