/**
 * Base of every error that Airlock throws on purpose.
 *
 * `code` is contract (logs, problem documents and tests compare it); `message` is for people and may change;
 * `cause` keeps what happened below.
 */
export class AirlockError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
