import { VaultError, type VaultErrorCode } from '../../app/vault-ports.ts';

const mostReasons = 5;
const mostReasonLength = 300;

/**
 * Vault answered, with a status that is no success. Holds the status and Vault's own reasons, shortened and without control
 * characters; never a header, a body or what was asked with.
 */
export class VaultHttpError extends VaultError {
  readonly status: number;
  readonly reasons: readonly string[];
  /** What Vault answers to a LIST below which there is nothing: 404 with `{"errors":[]}`. */
  readonly isEmptyList: boolean;

  constructor({
    status,
    reasons,
    request,
    retryAfterSeconds,
  }: {
    status: number;
    /** Null when the answer holds no list of them, as Vault's own always does. */
    reasons: readonly string[] | null;
    /** Method and path. */
    request: string;
    retryAfterSeconds: number | null;
  }) {
    const shown = (reasons ?? []).slice(0, mostReasons).map(printable);
    super(
      codeFor(status),
      `Vault answered ${status} to ${request}: ${shown.join('; ') || 'no reason given'}`,
      {
        sent: true,
        retryAfterSeconds,
      },
    );
    this.status = status;
    this.reasons = shown;
    this.isEmptyList = status === 404 && reasons?.length === 0;
  }
}

// By status and not by text: the texts differ between Vault's versions. A 500 may stay, such as a database it cannot reach.
function codeFor(status: number): VaultErrorCode {
  const isBusyOrAway =
    (status >= 300 && status < 400) || [412, 429, 472, 473, 501, 503].includes(status);
  if (isBusyOrAway) return 'vault-unavailable';
  return status >= 500 ? 'vault-fault' : 'vault-refused';
}

function printable(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, mostReasonLength);
}
