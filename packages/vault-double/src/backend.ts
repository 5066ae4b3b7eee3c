import type { X509Certificate } from 'node:crypto';
import type { Operation, Reply } from './api.ts';
import type { Token } from './tokens.ts';

export type Call = {
  operation: Operation;
  /** Below the mount, without leading slash. */
  path: string;
  body: Record<string, unknown>;
  /** What stood behind the question mark. */
  query: URLSearchParams;
  /** Null on paths that take no token. */
  token: Token | null;
  /** The token as it was sent; empty without one. */
  tokenId: string;
  /** How long the caller wants the answer wrapped; null for an answer as it is. */
  wrapSeconds: number | null;
  /** What the client proved to be on a TLS connection; null without a certificate. Nobody checked who signed it. */
  certificate: X509Certificate | null;
};

/** What is mounted at a path: an auth method, a secrets engine, `sys`. */
export type Backend = ((call: Call) => Promise<Reply> | Reply) & {
  /** False when a write to this path makes something new, which needs `create` and not `update`. Left out: never. */
  exists?: (path: string) => boolean;
  /** True for a call that takes no token: logins, public keys. Left out: none. */
  isOpen?: (path: string, call: Pick<Call, 'body' | 'tokenId'>) => boolean;
  /** Takes what `sys/auth/:mount/tune` says. Left out: nothing can be tuned. */
  tune?: (settings: { isLockoutDisabled: boolean }) => void;
};
