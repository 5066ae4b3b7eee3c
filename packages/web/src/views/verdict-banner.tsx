import type { ComponentChildren } from 'preact';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';

/**
 * What is needed next: a person, time, a fix, or somebody who runs the system; nothing (`none`: all is well); or only
 * patience while something runs. `info` explains and asks for nothing.
 */
export type VerdictKind = 'person' | 'time' | 'fix' | 'system' | 'none' | 'progress' | 'info';

const looks: Readonly<Record<VerdictKind, { tone: string; icon: IconName }>> = {
  person: { tone: 'wait', icon: 'clock' },
  time: { tone: 'wait', icon: 'hourglass' },
  fix: { tone: 'bad', icon: 'x-circle' },
  system: { tone: 'bad', icon: 'alert' },
  none: { tone: 'good', icon: 'shield-check' },
  progress: { tone: 'busy', icon: 'sync' },
  info: { tone: 'plain', icon: 'info' },
};

/**
 * The one sentence on top of a page: `title` is the verdict, `text` who or when or how to mend.
 *
 * @param live ids `<live>-title` and `<live>-text` for the live stream's `text` events.
 */
export function VerdictBanner({
  kind,
  title,
  text,
  icon,
  live,
  children,
}: {
  readonly kind: VerdictKind;
  readonly title: string;
  readonly text?: ComponentChildren;
  readonly icon?: IconName;
  readonly live?: string;
  /** An action that belongs to the verdict, such as "Stop and revoke". */
  readonly children?: ComponentChildren;
}) {
  const look = looks[kind];
  return (
    <div class={`banner tone-${look.tone}`} role="status">
      <Icon name={icon ?? look.icon} size={24} />
      <p>
        <strong {...(live === undefined ? {} : { id: `${live}-title` })}>{title}</strong>{' '}
        <span {...(live === undefined ? {} : { id: `${live}-text` })}>{text}</span>
      </p>
      {children}
    </div>
  );
}
