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
