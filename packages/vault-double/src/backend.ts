import type { Operation, Reply } from './api.ts';
import type { Token } from './tokens.ts';

export type Call = {
  operation: Operation;
  /** Below the mount, without leading slash. */
  path: string;
  body: Record<string, unknown>;
  /** What stood behind the question mark. */
  query: URLSearchParams;
  /** Null on the login paths, which take no token. */
  token: Token | null;
};

/** What is mounted at a path: an auth method, a secrets engine, `sys`. */
export type Backend = ((call: Call) => Promise<Reply> | Reply) & {
  /** False when a write to this path makes something new, which needs `create` and not `update`. Left out: never. */
  exists?: (path: string) => boolean;
  /** True for a path that takes no token: logins, public keys. Left out: none. */
  isOpen?: (path: string) => boolean;
};
