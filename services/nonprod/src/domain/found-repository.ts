/** What changed at a forge since it was looked at last, by what the forge never gives to another repository. */
import { forgePlace } from './commit-status.ts';
import { addressFault, BranchName, RepositoryName } from './repository-address.ts';
import type { GlobMatch } from './trust-level.ts';

/** One repository, as its forge lists it. */
export interface ListedRepository {
  /** Never given to another one by that forge, and kept when it is renamed. */
  readonly id: string;
  /** Such as shop/web. */
  readonly path: string;
  /** Over HTTPS, without an account. */
  readonly cloneUrl: string;
  /** Null: it has none, being empty. */
  readonly mainBranch: string | null;
  readonly archived: boolean;
  /** Not everybody may see it at the forge. */
  readonly isPrivate: boolean;
}

export interface FoundRepository extends ListedRepository {
  /** Before it was renamed or moved; null: it was not. */
  readonly pathWas: string | null;
  readonly gone: boolean;
  /** Name under which it is built here; null: it is not. */
  readonly repository: string | null;
  /** Why a rule did not add it; null: none tried, or it did. */
  readonly notAdded: string | null;
}

export interface BuiltRepository {
  readonly name: string;
  readonly cloneUrl: string;
}

/** Repositories that are added without anybody's picking them. */
export interface AddingRule {
  /** Glob over paths, such as shop/*. */
  readonly paths: string;
  /** Groups that own what it adds. */
  readonly owners: readonly string[];
}

export type FoundNews = 'new' | 'gone' | 'back' | 'renamed' | 'archived' | 'unarchived';

export interface FoundPlan {
  /** Rows that are new or have changed, whole. */
  readonly write: readonly FoundRepository[];
  readonly news: readonly { readonly kind: FoundNews; readonly found: FoundRepository }[];
  /** What the first rule that fits adds. */
  readonly add: readonly { readonly found: FoundRepository; readonly owners: readonly string[] }[];
}

/**
 * @param listing all of it: what is not in there is gone.
 * @param matches of a glob and a path.
 */
export function planFound(
  state: {
    readonly listing: readonly ListedRepository[];
    readonly known: readonly FoundRepository[];
    readonly built: readonly BuiltRepository[];
    readonly rules: readonly AddingRule[];
  },
  matches: GlobMatch,
): FoundPlan {
  const { listing, known, built, rules } = state;
  const before = new Map(known.map((each) => [each.id, each]));
  // One that is known by its id stays that one: another that takes its address is another.
  const free = built.filter(({ name }) => !known.some(({ repository }) => repository === name));
  const write: FoundRepository[] = [];
  const news: { kind: FoundNews; found: FoundRepository }[] = [];
  const add: { found: FoundRepository; owners: readonly string[] }[] = [];
  const listed = new Map(listing.map((each) => [each.id, each]));

  for (const each of listed.values()) {
    const old = before.get(each.id) ?? null;
    const isMoved = old !== null && old.path !== each.path;
    const found: FoundRepository = {
      ...each,
      pathWas: isMoved ? old.path : (old?.pathWas ?? null),
      gone: false,
      repository: old?.repository ?? free.find((one) => isAt(one, each))?.name ?? null,
      notAdded: old?.notAdded ?? null,
    };
    if (old === null || !isSame(old, found)) write.push(found);
    if (old === null) news.push({ kind: 'new', found });
    else {
      if (old.gone) news.push({ kind: 'back', found });
      if (isMoved) news.push({ kind: 'renamed', found });
      if (old.archived !== found.archived) {
        news.push({ kind: found.archived ? 'archived' : 'unarchived', found });
      }
    }
    const rule = rules.find(({ paths }) => matches(paths, found.path));
    if (rule !== undefined && found.repository === null && !found.archived) {
      add.push({ found, owners: rule.owners });
    }
  }
  for (const old of known) {
    if (old.gone || listed.has(old.id)) continue;
    const found = { ...old, gone: true };
    write.push(found);
    news.push({ kind: 'gone', found });
  }
  return { write, news, add };
}

export type FoundState = 'new' | 'built' | 'renamed' | 'replaced' | 'archived' | 'gone';

/**
 * How one stands to what is built here. `renamed`: it is still fetched from where it was. `replaced`: it lies where another,
 * that is built here, was, so that whoever made it is built under that one's name.
 */
export function foundState(found: FoundRepository, built: readonly BuiltRepository[]): FoundState {
  if (found.gone) return 'gone';
  const own = built.find(({ name }) => name === found.repository);
  if (own === undefined && built.some((each) => isAt(each, found))) return 'replaced';
  if (own !== undefined && !isAt(own, found)) return 'renamed';
  if (found.archived) return 'archived';
  return own === undefined ? 'new' : 'built';
}

export interface NewRepository {
  readonly name: string;
  readonly cloneUrl: string;
  readonly mainBranch: string;
  readonly isPrivate: boolean;
}

/**
 * What is added for one that was found, or why not. All of it is of the forge's list: no file of the repository is read, and
 * pools, secrets and approvals are for people to give.
 *
 * @param from how addresses begin that repositories may be fetched from.
 */
export function newRepository(
  found: FoundRepository,
  owners: readonly string[],
  place: { readonly host: string; readonly from: readonly string[] },
): { readonly add: NewRepository } | { readonly fault: string } {
  const { path, cloneUrl, mainBranch, isPrivate } = found;
  if (found.gone) return { fault: `${path} is not at the forge any more.` };
  if (found.archived) return { fault: `${path} is archived; nothing new comes of it.` };
  if (mainBranch === null) return { fault: `${path} is empty: it has no main branch yet.` };
  if (!BranchName.safeParse(mainBranch).success) {
    return { fault: `${path}: its main branch has a name that is not taken here.` };
  }
  if (!RepositoryName.safeParse(path).success) {
    return { fault: `${path} is no name here; add it by hand under another one.` };
  }
  const host = forgePlace(cloneUrl)?.host;
  if (host !== place.host) {
    return { fault: `${path}: the forge names the address ${cloneUrl}, not at ${place.host}.` };
  }
  const fault = addressFault(cloneUrl, place.from);
  if (fault !== null) return { fault };
  if (isPrivate && owners.length === 0) {
    return { fault: `${path} is private at the forge; name the groups that own it here.` };
  }
  return { add: { name: path, cloneUrl, mainBranch, isPrivate } };
}

function isAt(built: BuiltRepository, { cloneUrl }: ListedRepository): boolean {
  const [own, other] = [forgePlace(built.cloneUrl), forgePlace(cloneUrl)];
  if (own === null || other === null) return built.cloneUrl === cloneUrl;
  // Forges do not tell upper from lower case in addresses.
  return own.host === other.host && own.path.toLowerCase() === other.path.toLowerCase();
}

function isSame(a: FoundRepository, b: FoundRepository): boolean {
  return (Object.keys(b) as (keyof FoundRepository)[]).every((key) => a[key] === b[key]);
}
