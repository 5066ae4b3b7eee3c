/** What forges are told of a run. */
import type { Provider } from '@airlock/common/webhook/provider';

export type Verdict = 'held' | 'waiting' | 'pending' | 'success' | 'failure' | 'cancelled';

/** Where a repository lies at its forge: `host` as in its clone URL, `path` such as shop/web. */
export interface ForgePlace {
  readonly host: string;
  readonly path: string;
}

/** Null for an address that is no forge's: a path of this machine, or a name that no forge allows. */
export function forgePlace(cloneUrl: string): ForgePlace | null {
  const scp = /^[\w.-]+@([\w.-]+):([^/].*)$/.exec(cloneUrl);
  const url = /^(?:https?|ssh):\/\/(?:[^@/]*@)?([\w.-]+)(?::\d+)?\/(.+)$/.exec(cloneUrl);
  const [, host = '', rest = ''] = scp ?? url ?? [];
  const path = rest
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    // Bitbucket Data Center's clone URLs.
    .replace(/^scm\//, '');
  const segments = path.split('/');
  const plain = segments.every((each) => /^[\w.~-]{1,128}$/.test(each) && !/^\.+$/.test(each));
  return host === '' || segments.length < 2 || !plain ? null : { host: host.toLowerCase(), path };
}

export interface StatusNews {
  readonly place: ForgePlace;
  readonly commit: string;
  readonly verdict: Verdict;
  /** Of the run. */
  readonly number: number;
  readonly isPullRequest: boolean;
  readonly url: string;
  /** Why it is so, where forges' readers should know; the page says all of it. */
  readonly why: string | null;
}

export interface StatusRequest {
  /** Below the forge's API address. */
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
  readonly tokenHeader: readonly [name: string, before: string];
}

const words: Readonly<Record<Verdict, string>> = {
  held: 'waits until a member releases it',
  waiting: 'waits until there is room',
  pending: 'is being built',
  success: 'passed',
  failure: 'failed',
  cancelled: 'was cancelled',
};
const states = {
  github: {
    ...{ held: 'pending', waiting: 'pending' },
    pending: 'pending',
    success: 'success',
    failure: 'failure',
    cancelled: 'error',
  },
  gitlab: {
    ...{ held: 'pending', waiting: 'pending' },
    pending: 'running',
    success: 'success',
    failure: 'failed',
    cancelled: 'canceled',
  },
  bitbucket: {
    ...{ held: 'INPROGRESS', waiting: 'INPROGRESS', pending: 'INPROGRESS' },
    ...{ success: 'SUCCESSFUL', failure: 'FAILED' },
    cancelled: 'STOPPED',
  },
} as const satisfies Record<string, Record<Verdict, string>>;

/**
 * One status of a commit as each forge's API wants it. GitHub: "Create a commit status"; GitLab: "Set commit pipeline
 * status"; Gitea: `POST /repos/{owner}/{repo}/statuses/{sha}`; Bitbucket Cloud: "Create a build status"; Data Center:
 * `/build-status/1.0`.
 */
export function statusRequest(provider: Provider, news: StatusNews): StatusRequest {
  const { place, commit, verdict } = news;
  const path = place.path.split('/').map(encodeURIComponent).join('/');
  const name = news.isPullRequest ? 'airlock/pull-request' : 'airlock/build';
  const description = descriptionOf(news);
  const bearer = ['authorization', 'Bearer '] as const;
  switch (provider) {
    case 'github':
    case 'gitea':
      return {
        path: `/repos/${path}/statuses/${commit}`,
        body: { state: states.github[verdict], context: name, target_url: news.url, description },
        tokenHeader: provider === 'github' ? bearer : ['authorization', 'token '],
      };
    case 'gitlab':
      return {
        path: `/projects/${encodeURIComponent(place.path)}/statuses/${commit}`,
        body: { state: states.gitlab[verdict], name, target_url: news.url, description },
        tokenHeader: ['private-token', ''],
      };
    case 'bitbucket':
      return {
        path: `/repositories/${path}/commit/${commit}/statuses/build`,
        body: { state: states.bitbucket[verdict], key: name, name, url: news.url, description },
        tokenHeader: bearer,
      };
    case 'bitbucket-server': {
      const state = verdict === 'cancelled' ? 'FAILED' : states.bitbucket[verdict];
      return {
        path: `/build-status/1.0/commits/${commit}`,
        body: { state, key: name, name, url: news.url, description },
        tokenHeader: bearer,
      };
    }
  }
}

/** As much as every forge takes. */
const longestDescription = 140;

function descriptionOf({ number, verdict, why }: StatusNews): string {
  const said = `Run #${number} ${words[verdict]}`;
  const whole = why === null ? said : `${said}. ${why.replaceAll(/\s+/g, ' ')}`;
  return whole.length <= longestDescription ? whole : `${whole.slice(0, longestDescription - 1)}…`;
}

/** How long until it is tried again, in milliseconds; null: given up. 10 s, doubled each time, for some three hours. */
export function nextAttempt(attempts: number, retryAfterSeconds: number | null): number | null {
  if (attempts >= 11) return null;
  return Math.max(10_000 * 2 ** (attempts - 1), (retryAfterSeconds ?? 0) * 1000);
}
