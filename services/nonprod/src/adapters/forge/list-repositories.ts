/**
 * Lists what an organisation has, as each forge publishes it: GitHub's REST API, "List organization repositories"; GitLab's
 * "List a group's projects"; Gitea's and Forgejo's `GET /orgs/{org}/repos` (their
 * swagger.v1.json); Bitbucket Cloud's "List repositories in a workspace".
 */
import { z } from 'zod';
import type { ForgeLister, Listing, ListingProvider } from '../../app/found-ports.ts';
import type { ListedRepository } from '../../domain/found-repository.ts';
import type { OrganisationSettings } from '../../organisation-config.ts';
import { readTokenFile } from './token-file.ts';

const timeoutMs = 20_000;
/** Of GitHub's largest documented page, with room. */
const maxPageBytes = 8 * 1024 ** 2;
const maxPages = 200;
const longestWaitMs = 6 * 3600_000;
const shortestWaitMs = 60_000;

const Text = z.string().min(1).max(1024);
const Branch = Text.nullish().transform((name) => name ?? null);
const Id = z
  .int()
  .positive()
  .transform((id) => String(id));

interface Page {
  readonly entries: readonly ListedRepository[];
  /** As the body names it; null: look at the header Link. */
  readonly next: string | null;
}

interface Dialect {
  /** Below the API's address. */
  readonly path: (organisation: string) => string;
  readonly tokenHeader: readonly [name: string, before: string];
  readonly Page: z.ZodType<Page>;
}

const asPage = (entries: readonly ListedRepository[]): Page => ({ entries, next: null });

const GitHub = z.object({
  ...{ id: Id, full_name: Text, clone_url: Text, default_branch: Branch },
  ...{ archived: z.boolean(), private: z.boolean() },
});
const GitLab = z.object({
  ...{ id: Id, path_with_namespace: Text, http_url_to_repo: Text, default_branch: Branch },
  ...{ archived: z.boolean(), visibility: z.string() },
});
const Gitea = z.object({
  ...{ id: Id, full_name: Text, clone_url: Text, default_branch: Branch },
  ...{ archived: z.boolean(), private: z.boolean(), internal: z.boolean().default(false) },
  empty: z.boolean().default(false),
});
const Bitbucket = z.object({
  uuid: z.string().regex(/^\{[0-9a-f-]{36}\}$/),
  full_name: Text,
  is_private: z.boolean(),
  mainbranch: z.object({ name: Text }).nullish(),
  links: z.object({ clone: z.array(z.object({ name: z.string(), href: z.string() })) }),
});

const dialects: Readonly<Record<ListingProvider, Dialect>> = {
  github: {
    path: (organisation) => `/orgs/${encodeURIComponent(organisation)}/repos?per_page=100&type=all`,
    tokenHeader: ['authorization', 'Bearer '],
    Page: z
      .array(
        GitHub.transform((each) => ({
          ...{ id: each.id, path: each.full_name, cloneUrl: each.clone_url },
          ...{ mainBranch: each.default_branch, archived: each.archived, isPrivate: each.private },
        })),
      )
      .transform(asPage),
  },
  gitlab: {
    path: (organisation) =>
      `/groups/${encodeURIComponent(organisation)}/projects?per_page=100&include_subgroups=true&with_shared=false&order_by=id&sort=asc`,
    tokenHeader: ['private-token', ''],
    Page: z
      .array(
        GitLab.transform((each) => ({
          ...{ id: each.id, path: each.path_with_namespace, cloneUrl: each.http_url_to_repo },
          ...{ mainBranch: each.default_branch, archived: each.archived },
          // What everybody with an account there sees is not for everybody here.
          isPrivate: each.visibility !== 'public',
        })),
      )
      .transform(asPage),
  },
  gitea: {
    path: (organisation) => `/orgs/${encodeURIComponent(organisation)}/repos?limit=50`,
    tokenHeader: ['authorization', 'token '],
    Page: z
      .array(
        Gitea.transform((each) => ({
          ...{ id: each.id, path: each.full_name, cloneUrl: each.clone_url },
          // It names a default branch also where there is none yet.
          mainBranch: each.empty ? null : each.default_branch,
          ...{ archived: each.archived, isPrivate: each.private || each.internal },
        })),
      )
      .transform(asPage),
  },
  bitbucket: {
    path: (organisation) => `/repositories/${encodeURIComponent(organisation)}?pagelen=100`,
    tokenHeader: ['authorization', 'Bearer '],
    Page: z
      .object({
        values: z.array(
          Bitbucket.transform((each) => ({
            ...{ id: each.uuid, path: each.full_name, mainBranch: each.mainbranch?.name ?? null },
            cloneUrl: withoutAccount(each.links.clone.find(({ name }) => name === 'https')?.href),
            // Bitbucket Cloud tells of no archive.
            ...{ archived: false, isPrivate: each.is_private },
          })),
        ),
        next: z.string().nullish(),
      })
      .transform(({ values, next }) => ({ entries: values, next: next ?? null })),
  },
};

interface Kept extends Page {
  readonly etag: string;
}

/**
 * Pages that the forge says are unchanged are taken from the look before, so that they count nothing against its limit.
 *
 * @throws ConfigurationError when the token cannot be read.
 */
export function createForgeLister(
  settings: OrganisationSettings,
  clock: () => Date = () => new Date(),
): ForgeLister {
  const { api, organisation } = settings;
  const dialect = dialects[settings.provider];
  const [header, before] = dialect.tokenHeader;
  const token = readTokenFile('organisations.tokenFile', settings.tokenFile, 'token');
  let kept = new Map<string, Kept>();

  async function page(url: string, signal: AbortSignal): Promise<(Page & { etag: string }) | Date> {
    const old = kept.get(url);
    let response: Response;
    try {
      response = await fetch(url, {
        // Whoever answers with another address does not get the token there.
        redirect: 'manual',
        headers: {
          [header]: `${before}${token}`,
          ...{ accept: 'application/json', 'user-agent': 'airlock' },
          ...(old === undefined ? {} : { 'if-none-match': old.etag }),
        },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
      const words = reason instanceof Error ? reason.message : String(reason);
      throw new Error(`${api} does not answer: ${words}`, { cause });
    }
    const { status, headers } = response;
    const isLimited =
      status === 429 || (status === 403 && (headers.has('retry-after') || left(headers) === 0));
    if (isLimited || status === 503) {
      await response.body?.cancel();
      return waitUntil(headers, clock());
    }
    if (status === 304 && old !== undefined) return old;
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(
        `${api} answers ${status} to the list of ${organisation}: check the name and that the token may read its repositories`,
      );
    }
    const text = await boundedText(response, `${api}: a page of ${organisation}`);
    const parsed = dialect.Page.safeParse(jsonOf(text));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new Error(
        `${api} answers no list of repositories: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
      );
    }
    const next = parsed.data.next ?? linkedNext(headers.get('link'));
    return { entries: parsed.data.entries, next, etag: headers.get('etag') ?? '' };
  }

  return {
    async list(signal): Promise<Listing> {
      const seen = new Map<string, Kept>();
      const repositories: ListedRepository[] = [];
      let url: string | null = `${api}${dialect.path(organisation)}`;
      while (url !== null) {
        if (seen.size === maxPages || seen.has(url)) {
          throw new Error(`${api}: the list of ${organisation} does not end`);
        }
        const answer: (Page & { etag: string }) | Date = await page(url, signal);
        if (answer instanceof Date) return { kind: 'limited', until: answer };
        seen.set(url, answer);
        repositories.push(...answer.entries);
        url = answer.next === null ? null : nextPage(api, answer.next);
      }
      kept = new Map([...seen].filter(([, { etag }]) => etag !== ''));
      return { kind: 'listed', repositories };
    },
  };
}

/** @throws Error when it leads anywhere but to the same API: the token goes nowhere else. */
function nextPage(api: string, next: string): string {
  const [own, other] = [new URL(api), new URL(next, `${api}/`)];
  const isBelow = other.pathname.startsWith(`${own.pathname.replace(/\/$/, '')}/`);
  if (other.origin === own.origin && isBelow) return other.href;
  throw new Error(`${api} names ${other.origin} for its next page; nothing is asked there`);
}

/** RFC 8288, as far as forges write it. */
function linkedNext(link: string | null): string | null {
  for (const part of (link ?? '').split(/,(?=\s*<)/)) {
    const [, target, parameters] = /^\s*<([^>]*)>(.*)$/.exec(part) ?? [];
    if (target !== undefined && /;\s*rel="?next"?(\s*;|\s*$)/i.test(parameters ?? ''))
      return target;
  }
  return null;
}

/** How many questions are left: GitHub's and Gitea's header, or GitLab's. */
function left(headers: Headers): number | null {
  const text = headers.get('x-ratelimit-remaining') ?? headers.get('ratelimit-remaining');
  return text === null ? null : Number(text);
}

/** `Retry-After` in seconds or as a date, else the second at which the limit begins anew; a minute to six hours from now. */
function waitUntil(headers: Headers, now: Date): Date {
  const after = headers.get('retry-after');
  const reset = headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset');
  const said =
    after !== null
      ? /^\d+$/.test(after)
        ? now.getTime() + Number(after) * 1000
        : Date.parse(after)
      : Number(reset ?? NaN) * 1000;
  const waitMs = Number.isFinite(said) ? said - now.getTime() : 0;
  return new Date(now.getTime() + Math.min(Math.max(waitMs, shortestWaitMs), longestWaitMs));
}

/** Bitbucket names the account of whoever asks in front of the host. */
function withoutAccount(href = ''): string {
  return href.replace(/^(https?:\/\/)[^@/]*@/, '$1');
}

async function boundedText(response: Response, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxPageBytes) throw new Error(`${what} is over ${maxPageBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
