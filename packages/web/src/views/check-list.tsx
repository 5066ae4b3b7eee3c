import type { ComponentChildren } from 'preact';
import type { IconName } from './icon-names.ts';
import { Icon } from './icon.tsx';

/** `error` is a check that could not be made: it stops a release like a failure, but nothing was found wrong. */
export type CheckStatus = 'pass' | 'fail' | 'wait' | 'error' | 'skip';

export interface Check {
  readonly id: string;
  readonly status: CheckStatus;
  readonly title: string;
  /** The evidence in one line. */
  readonly summary: ComponentChildren;
  /** The evidence in full; a check without it is a plain row. */
  readonly children?: ComponentChildren;
  /** Default: everything but `pass` and `skip`. */
  readonly open?: boolean;
}

const looks: Readonly<Record<CheckStatus, { tone: string; icon: IconName; word: string }>> = {
  fail: { tone: 'bad', icon: 'x-circle-fill', word: 'failed' },
  error: { tone: 'bad', icon: 'alert', word: 'could not be checked' },
  wait: { tone: 'wait', icon: 'clock', word: 'waiting' },
  pass: { tone: 'good', icon: 'check-circle-fill', word: 'passed' },
  skip: { tone: 'plain', icon: 'skip', word: 'not required' },
};
const order = Object.keys(looks);

/** Every check by name, whatever needs attention first and opened; otherwise in the order given. */
export function CheckList({ checks }: { readonly checks: readonly Check[] }) {
  const sorted = checks.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  return (
    <ul
      class="checks"
      data-keys="o"
      data-keys-do="open"
      data-keys-label="All checks, open or closed"
    >
      {sorted.map((check) => (
        <li
          key={check.id}
          id={`check-${check.id}`}
          class={`check tone-${looks[check.status].tone}`}
        >
          <CheckRow check={check} />
        </li>
      ))}
    </ul>
  );
}

function CheckRow({ check }: { readonly check: Check }) {
  const { icon, word } = looks[check.status];
  const line = (
    <>
      <Icon name={icon} label={word} />
      <strong>{check.title}</strong>
      <span class="check-summary">{check.summary}</span>
    </>
  );
  if (check.children === undefined) return <div class="check-line">{line}</div>;
  return (
    <details open={check.open ?? (check.status !== 'pass' && check.status !== 'skip')}>
      <summary class="check-line">{line}</summary>
      <div class="check-body">{check.children}</div>
    </details>
  );
}
