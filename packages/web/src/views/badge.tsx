import type { ComponentChildren } from 'preact';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';

/** How serious something looks. Colour never stands alone: an icon or a word says the same. */
export type Tone = 'good' | 'bad' | 'wait' | 'busy' | 'plain';

const icons: Readonly<Record<Tone, IconName>> = {
  good: 'check-circle-fill',
  bad: 'x-circle-fill',
  wait: 'clock',
  busy: 'sync',
  plain: 'circle-slash',
};

/** A pill beside other text: a count, a flag, a group. */
export function Badge({
  tone = 'plain',
  icon,
  children,
}: {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly children: ComponentChildren;
}) {
  return (
    <span class={`badge tone-${tone}`}>
      {icon === undefined ? null : <Icon name={icon} />}
      <span>{children}</span>
    </span>
  );
}

/**
 * A state in words with its icon: the coloured line of a queue entry, a cell of a table.
 *
 * @param id makes the words replaceable by a `text` event of the live stream.
 */
export function Status({
  tone,
  icon,
  id,
  children,
}: {
  readonly tone: Tone;
  readonly icon?: IconName;
  readonly id?: string;
  readonly children: ComponentChildren;
}) {
  return (
    <span class={`status tone-${tone}`}>
      <Icon name={icon ?? icons[tone]} />
      <span {...(id === undefined ? {} : { id })}>{children}</span>
    </span>
  );
}
