/** Rate-limit quotas: so many requests in an interval, to everything or below a path. */
import { z } from 'zod';
import {
  ApiFailure,
  TextList,
  Ttl,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from './api.ts';
import type { Backend } from './backend.ts';
import type { Clock } from './clock.ts';

const Quota = z.object({
  rate: z.number().default(0),
  interval: Ttl.default(1),
  path: z.string().default(''),
});
type Quota = z.infer<typeof Quota> & { startedAt: number; used: number };

const Config = z.object({
  enable_rate_limit_audit_logging: z.boolean().default(false),
  enable_rate_limit_response_headers: z.boolean().default(false),
  rate_limit_exempt_paths: TextList.default([]),
});

export type Quotas = {
  /** What stands below `sys/quotas/`. */
  backend: Backend;
  /**
   * Counts a request. Returns the headers that its answer carries, none unless they are switched on.
   *
   * @throws QuotaExceeded when this one is too many.
   */
  admit(path: string): Record<string, string>;
};

/** 429, with the headers that say when to come back. */
export class QuotaExceeded extends ApiFailure {
  readonly headers: Readonly<Record<string, string>>;

  constructor(path: string, headers: Readonly<Record<string, string>>) {
    super(429, `request path "${path}": rate limit quota exceeded`);
    this.name = 'QuotaExceeded';
    this.headers = headers;
  }
}

export function createQuotas({
  clock,
  isMounted,
}: {
  clock: Clock;
  /** Whether a quota may name this path: a mount, or something below one. */
  isMounted: (path: string) => boolean;
}): Quotas {
  const quotas = new Map<string, Quota>();
  let config = Config.parse({});

  function set(name: string, body: Record<string, unknown>) {
    const quota = readBody(Quota, body);
    if (quota.rate <= 0) throw new ApiFailure(400, "'rate' is invalid");
    if (quota.path !== '' && !isMounted(quota.path)) {
      throw new ApiFailure(400, `invalid mount path "${quota.path}/"`);
    }
    const same = [...quotas].find(([other, { path }]) => other !== name && path === quota.path);
    if (same !== undefined) {
      throw new ApiFailure(
        400,
        `quota rule with similar properties exists under the name "${same[0]}"`,
      );
    }
    quotas.set(name, { ...quota, startedAt: Number.NEGATIVE_INFINITY, used: 0 });
    return noContent;
  }

  const rateLimits: Backend = ({ operation, path: name, body }) => {
    if (operation === 'list') {
      if (quotas.size === 0) throw new ApiFailure(404);
      return answer({ data: { keys: [...quotas.keys()].sort() } });
    }
    if (name === '') throw unsupportedPath();
    if (operation === 'update') return set(name, body);
    if (operation === 'delete') {
      quotas.delete(name);
      return noContent;
    }
    const quota = quotas.get(name);
    if (quota === undefined) throw new ApiFailure(404);
    const { rate, interval, path } = quota;
    return answer({
      data: {
        name,
        path,
        rate,
        interval,
        block_interval: 0,
        inheritable: path === '',
        role: '',
        type: 'rate-limit',
      },
    });
  };

  /** The quota with the longest path that the request is at or below. */
  function quotaFor(path: string): Quota | undefined {
    return [...quotas.values()]
      .filter((quota) => quota.path === '' || `${path}/`.startsWith(`${quota.path}/`))
      .sort((a, b) => b.path.length - a.path.length)[0];
  }

  return {
    backend(call) {
      const { operation, path, body } = call;
      if (path === 'config') {
        if (operation === 'read') return answer({ data: config });
        if (operation !== 'update') throw unsupportedOperation();
        config = readBody(Config, body);
        return noContent;
      }
      const [, name] = /^rate-limit(?:\/(.*))?$/.exec(path) ?? [];
      if (name === undefined && path !== 'rate-limit') throw unsupportedPath();
      return rateLimits({ ...call, path: name ?? '' });
    },
    admit(path) {
      const quota = config.rate_limit_exempt_paths.includes(path) ? undefined : quotaFor(path);
      if (quota === undefined) return {};
      const lasts = quota.interval * 1000;
      if (clock.now() - quota.startedAt >= lasts) {
        quota.startedAt = clock.now();
        quota.used = 0;
      }
      const limit = Math.ceil(quota.rate);
      const isOver = quota.used >= limit;
      if (!isOver) quota.used += 1;
      const seconds = Math.max(0, Math.floor((quota.startedAt + lasts - clock.now()) / 1000));
      const headers: Record<string, string> = config.enable_rate_limit_response_headers
        ? {
            'X-Ratelimit-Limit': String(limit),
            'X-Ratelimit-Remaining': String(limit - quota.used),
            'X-Ratelimit-Reset': String(seconds),
          }
        : {};
      if (!isOver) return headers;
      const retry = config.enable_rate_limit_response_headers
        ? { 'Retry-After': String(seconds) }
        : {};
      throw new QuotaExceeded(path, { ...headers, ...retry });
    },
  };
}
