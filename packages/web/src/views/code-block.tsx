import type { ComponentChildren } from 'preact';

/**
 * Text in a fixed-width box: a command, a statement.
 *
 * @param wrap breaks long lines instead of scrolling; for one-line JSON and digests.
 * @param slot name under which a script finds the box, such as `statement` for the passkey form.
 */
export function CodeBlock({
  children,
  label,
  wrap = false,
  slot,
}: {
  readonly children: ComponentChildren;
  readonly label: string;
  readonly wrap?: boolean;
  readonly slot?: 'statement';
}) {
  return (
    <pre
      class={wrap ? 'code-block code-wrap' : 'code-block'}
      role="region"
      aria-label={label}
      tabIndex={0}
    >
      <code {...(slot === undefined ? {} : { [`data-${slot}`]: '' })}>{children}</code>
    </pre>
  );
}

/** A digest, commit or id cut short for the eye; the whole value is in its title and comes along when copied by hand. */
export function Digest({
  value,
  characters = 12,
}: {
  readonly value: string;
  readonly characters?: number;
}) {
  const [, algorithm = '', hex = value] = /^(sha256:)(.+)$/.exec(value) ?? [];
  const short = hex.length <= characters + 4 ? hex : `${hex.slice(0, characters)}…${hex.slice(-4)}`;
  return <code title={value}>{`${algorithm}${short}`}</code>;
}
