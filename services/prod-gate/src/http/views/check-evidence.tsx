import { DescriptionList } from '@airlock/web/views/description-list';
import type { Check } from '../../app/checks.ts';
import { plain } from './words.ts';

/** What a check rests on, fact by fact; nothing where there is none. */
export function CheckEvidence({ check: { evidence } }: { readonly check: Check }) {
  if (evidence.length === 0) return null;
  return (
    <DescriptionList
      items={evidence.map(({ label, value, source, struck }, index) => ({
        // Terms are keys of the list; two decisions of one person must not collide.
        term:
          evidence.findIndex((other) => other.label === label) === index
            ? plain(label)
            : `${plain(label)} (${index + 1})`,
        value:
          struck === undefined ? longValue(plain(value)) : <StruckOut value={value} why={struck} />,
        ...(source === undefined ? {} : { source }),
      }))}
    />
  );
}

/** What was said stays readable, and so does why it is void. */
function StruckOut({ value, why }: { readonly value: string; readonly why: string }) {
  const said = value.slice(0, -` (${why})`.length);
  return (
    <>
      <s>{plain(said)}</s> ({plain(why)})
    </>
  );
}

const longValue = (value: string) =>
  /^(sha256:)?[0-9a-f]{40,64}$/.test(value) || /@sha256:/.test(value) ? (
    <code>{value}</code>
  ) : (
    value
  );
