import type { ComponentChildren } from 'preact';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';

/** A button; with `href` a link that looks like one. */
export function Button({
  kind = 'default',
  icon,
  href,
  type = 'submit',
  name,
  value,
  block = false,
  children,
}: {
  readonly kind?: 'default' | 'primary' | 'danger';
  readonly icon?: IconName;
  readonly href?: string;
  readonly type?: 'submit' | 'button';
  readonly name?: string;
  readonly value?: string;
  /** As wide as its box. */
  readonly block?: boolean;
  readonly children: ComponentChildren;
}) {
  const classes = [
    'button',
    ...(kind === 'default' ? [] : [`button-${kind}`]),
    ...(block ? ['button-block'] : []),
  ].join(' ');
  const content = (
    <>
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </>
  );
  if (href !== undefined) {
    return (
      <a class={classes} href={href}>
        {content}
      </a>
    );
  }
  return (
    <button
      class={classes}
      type={type}
      {...(name === undefined ? {} : { name })}
      {...(value === undefined ? {} : { value })}
    >
      {content}
    </button>
  );
}
