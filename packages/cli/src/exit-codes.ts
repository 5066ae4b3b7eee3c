/** Exit codes of every `airlock` verb; contract. */
export const exitCode = {
  ok: 0,
  error: 1,
  usage: 2,
  notAllowed: 3,
  waiting: 4,
  failedCheck: 5,
  conflict: 6,
  unreachable: 7,
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** An end of a verb that is not success: one message for people, one code for scripts. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(code: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = code;
  }
}
