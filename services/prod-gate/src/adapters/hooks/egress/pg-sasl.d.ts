/** pg ships no types for this part of itself. */
declare module 'pg/lib/crypto/sasl.js' {
  import type { TLSSocket } from 'node:tls';

  export type SaslSession = { readonly mechanism: string; readonly response: string };

  /**
   * @param stream for channel binding; null without TLS.
   * @throws Error when `mechanisms` holds no SCRAM-SHA-256.
   */
  export function startSession(
    mechanisms: readonly string[],
    stream: TLSSocket | null,
  ): SaslSession;
  /** Sets `response` to the client's final message. */
  export function continueSession(
    session: SaslSession,
    password: string,
    serverData: string,
    stream: TLSSocket | null,
  ): Promise<void>;
  /** @throws Error unless the server knows the password. */
  export function finalizeSession(session: SaslSession, serverData: string): void;
}
