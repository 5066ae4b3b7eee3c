/** Codes of Node, Postgres and Prisma for a server that does not answer, ends, starts or has no connection left. */
const codes: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'],
  ...['57P01', '57P03', '53300'],
  ...['P1001', 'P1002', 'P1017', 'P2024', 'P2028'],
]);

/** Whether an error says that the database is away, as opposed to that it refused something. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && codes.has(error.code)) return true;
  // Node tries every address of a host and reports all of them.
  if (error instanceof AggregateError && error.errors.some(isUnreachable)) return true;
  return isUnreachable(error.cause);
}
