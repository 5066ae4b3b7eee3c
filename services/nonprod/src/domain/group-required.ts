/**
 * Which groups somebody must be in, beside role and ownership, to do something with a kind of thing: a configuration that
 * takes away and never adds. Every route has a noun and a verb by its address and its name, so that a new one has them too.
 */

export const nouns = [
  'repository',
  'run',
  'candidate',
  'promotion',
  'schedule',
  'secret',
  'variable',
  'pool',
  'runner',
  'webhook',
  /** Which groups repositories belong to. */
  'group',
  'token',
  'account',
  /** What people did. */
  'act',
  /** Everything else. */
  'installation',
] as const;
export type Noun = (typeof nouns)[number];

export const actions = ['create', 'list', 'view', 'edit', 'delete', 'start', 'stop'] as const;
export type Action = (typeof actions)[number];

/** What is not named is left to roles and owners; an empty list lets nobody. */
export type GroupRequired = Readonly<
  Partial<Record<Noun, Readonly<Partial<Record<Action, readonly string[]>>>>>
>;

/** By the first part of an address, or of what follows `/api/v1` and `/me`. */
const nounsByPart: Readonly<Record<string, Noun>> = {
  '': 'run',
  events: 'run',
  runs: 'run',
  'run-requests': 'run',
  candidates: 'candidate',
  promotions: 'promotion',
  repos: 'repository',
  repositories: 'repository',
  'repository-hooks': 'repository',
  'repository-sight': 'repository',
  'repository-labels': 'repository',
  found: 'repository',
  'found-repositories': 'repository',
  reach: 'repository',
  budgets: 'repository',
  usage: 'repository',
  schedules: 'schedule',
  variables: 'variable',
  'global-variables': 'variable',
  'variable-sets': 'variable',
  'variable-set-choices': 'variable',
  'group-variable-sets': 'variable',
  secrets: 'secret',
  'secret-key': 'secret',
  pools: 'pool',
  runners: 'runner',
  webhooks: 'webhook',
  owners: 'group',
  tokens: 'token',
  accounts: 'account',
  audit: 'act',
};

/** By the first word of a route's name; what changes something and is not here edits it. */
const actionsByWord: Readonly<Record<string, Action>> = {
  ...{ add: 'create', make: 'create', ask: 'create', link: 'create', pick: 'create' },
  ...{ erase: 'delete', remove: 'delete', revoke: 'delete', unlink: 'delete', prune: 'delete' },
  ...{ start: 'start', retry: 'start', release: 'start', cancel: 'stop' },
};

export interface Demand {
  readonly noun: Noun;
  readonly action: Action;
}

export function demandOf(route: {
  readonly name: string;
  readonly method: string;
  readonly path: string;
}): Demand {
  const { name, method, path } = route;
  const part = /^\/(?:api\/v1\/|me\/)?([^/]*)/.exec(path)?.[1] ?? '';
  const known = Object.hasOwn(nounsByPart, part) ? nounsByPart[part] : undefined;
  const noun = /^ask-promotion/.test(name) ? 'promotion' : (known ?? 'installation');
  if (method === 'get') return { noun, action: /[:*]/.test(path) ? 'view' : 'list' };
  const word = name.split('-')[0] ?? '';
  const action = Object.hasOwn(actionsByWord, word) ? actionsByWord[word] : undefined;
  return { noun, action: action ?? 'edit' };
}

/** The groups of which one is missing; null: nothing is. Names are compared exactly. */
export function missingGroups(
  required: GroupRequired,
  { noun, action }: Demand,
  groups: readonly string[],
): readonly string[] | null {
  const wanted = required[noun]?.[action];
  if (wanted === undefined || wanted.some((group) => groups.includes(group))) return null;
  return wanted;
}
