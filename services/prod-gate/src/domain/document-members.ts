import type { PromotionDocument } from '@airlock/common/promotion/document';

/** The members of a promotion document as people call them. */
const names: Readonly<Record<string, string>> = {
  policy: 'the target file',
  hook: 'the deploy hook',
  params: 'the hook’s parameters',
  roster: 'the roster',
  base: 'what is live',
  delta: 'the list of changes',
  return: 'what is returned to',
  rules: 'the rules that apply',
  breakGlass: 'whether the glass is broken',
  override: 'whether its windows are overridden',
  editors: 'who signed the configuration',
};

/** What differs between two documents in words: `the target file and the roster`. */
export function membersInWords(members: readonly string[]): string {
  const words = members.map((member) => names[member] ?? member);
  const last = words.pop() ?? 'something';
  return words.length === 0 ? last : `${words.join(', ')} and ${last}`;
}

/** What the second document says otherwise, in words; of what is live also which release it was and is. */
export function sinceRead(was: PromotionDocument, now: PromotionDocument): string {
  const members = Object.keys({ ...was, ...now }) as (keyof PromotionDocument)[];
  const differing = members.filter(
    (member) => JSON.stringify(was[member]) !== JSON.stringify(now[member]),
  );
  const words = membersInWords(differing);
  if (!differing.includes('base')) return words;
  const live = ({ base }: PromotionDocument): string => base?.release ?? 'nothing';
  return `${words} (live was ${live(was)} and is ${live(now)})`;
}
