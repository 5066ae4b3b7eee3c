import { z } from 'zod';

/** 64 lower-case hexadecimal digits. */
export const Sha256Hex = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
/** A full git commit id (SHA-1 object format), 40 lower-case hexadecimal digits. */
export const GitCommit = z
  .string()
  .regex(/^[0-9a-f]{40}$/, 'expected 40 lower-case hexadecimal digits');
/** RFC 3339 in UTC with second or millisecond precision, ending in Z. */
export const Timestamp = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/,
    'expected RFC 3339 UTC such as 2026-11-22T10:00:00Z',
  );
/** An artifact's file name: never a path (security.md section 5, path traversal). */
export const ArtifactName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'expected letters, digits and . _ + - only');
/** A file in the repository: relative, no `..`, no backslash. */
export const RepositoryPath = z
  .string()
  .max(255)
  .regex(
    /^(?!.*(^|\/)\.\.(\/|$))[A-Za-z0-9._][A-Za-z0-9._/+-]*$/,
    'expected a relative path inside the repository',
  );
export const Name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected 1 to 63 letters, digits, . _ -');
