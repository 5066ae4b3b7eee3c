import { AirlockError } from '@airlock/common/errors';

/** Why a decision, or the enrolment of a passkey, was refused. Codes are contract; the message is for the person. */
export type DecisionErrorCode =
  | 'promotion-unknown'
  | 'E_NOT_WAITING'
  /** What the page showed is not what would be signed now; reload and read again. */
  | 'promotion-changed'
  | 'E_TARGET_UNKNOWN'
  | 'person-unknown'
  | 'role-missing'
  | 'requester-never-counts'
  | 'author-never-counts'
  | 'editor-never-counts'
  | 'already-decided'
  | 'nothing-to-withdraw'
  | 'passkey-missing'
  | 'passkey-unknown'
  | 'passkey-refused'
  /** It has had its first day: others take it away by a stop and by the roster. */
  | 'passkey-counts'
  /** They have one in force: that one signs for a further one. */
  | 'vouch-missing'
  /** As many of theirs wait as may. */
  | 'passkeys-full'
  /** They added as many as one may within a day. */
  | 'passkeys-too-many'
  | 'ceremony-expired'
  | 'reason-missing'
  /** The promotion has as many remarks as it may have. */
  | 'remarks-full'
  /** This person wrote too many within the hour. */
  | 'remarks-too-many'
  /** Something else is missing, or nothing is: the delivery starts by itself. */
  | 'start-not-due'
  /** What is asked for is no return that can be made; the message says why. */
  | 'return-refused'
  | 'stop-malformed'
  | 'stop-unknown'
  /** The target file opens no break-glass, or no override of its windows. */
  | 'waiver-closed'
  | 'waiver-not-needed'
  /** One document asks for break-glass or for an override. */
  | 'waiver-asked'
  | 'review-over'
  /** Whoever asked for it or approved it looks at nothing afterwards. */
  | 'involved-never-counts'
  /** It is lifted, or its time is over. */
  | 'stop-over';

export class DecisionError extends AirlockError<DecisionErrorCode> {
  /** Role that would have been needed; set for `role-missing`. */
  readonly role: string | null;

  constructor(
    code: DecisionErrorCode,
    message: string,
    options?: ErrorOptions & { readonly role?: string },
  ) {
    super(code, message, options);
    this.role = options?.role ?? null;
  }
}
