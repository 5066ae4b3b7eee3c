import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { rebuildDifferencePredicate } from '../constants.ts';
import { AirlockError } from '../errors.ts';
import { Sha256Hex } from '../wire/scalars.ts';
import { statementBytes, type Statement, type Subject } from './statement.ts';

/** Lines that a page shows and a person reads; what is more is counted. With the longest paths they fit into an envelope. */
export const maxDifferenceLines = 100;
const maxPathLength = 200;

const FileFacts = z
  .strictObject({
    type: z.enum(['file', 'directory']),
    size: z.number().int().nonnegative(),
    mode: z.number().int().nonnegative(),
    sha256: Sha256Hex.nullable(),
  })
  .nullable();

/**
 * How the artifact that a rebuilder made differs from the one that the main builder claims for the same commit. The
 * statement's subject is what the rebuilder made.
 */
export const RebuildDifference = z.strictObject({
  claimed: Sha256Hex.describe("The main builder's artifact."),
  kind: z
    .enum(['files', 'packing', 'bytes'])
    .describe(
      'files: members of the archive differ. packing: the same files, packed otherwise. bytes: not both are archives.',
    ),
  added: z.number().int().nonnegative().describe('Members that only the claimed artifact has.'),
  removed: z.number().int().nonnegative().describe('Members that only the rebuilt artifact has.'),
  changed: z.number().int().nonnegative(),
  files: z
    .array(
      z.strictObject({
        path: z.string().max(maxPathLength),
        claimed: FileFacts.describe('Null where the claimed artifact has no such member.'),
        rebuilt: FileFacts.describe('Null where the rebuilt artifact has no such member.'),
      }),
    )
    .max(maxDifferenceLines),
});
export type RebuildDifference = z.infer<typeof RebuildDifference>;

export class RebuildDifferenceError extends AirlockError<'E_REBUILD_DIFFERENCE'> {}

/** The bytes of the Statement to sign. Paths are cut to 200 characters, files to the first 100. */
export function rebuildDifferenceStatement(
  rebuilt: Subject,
  difference: RebuildDifference,
): Buffer {
  const { claimed, kind, added, removed, changed } = difference;
  return statementBytes(rebuilt, rebuildDifferencePredicate, {
    claimed,
    kind,
    added,
    removed,
    changed,
    files: difference.files.slice(0, maxDifferenceLines).map((file) => ({
      path: file.path.slice(0, maxPathLength),
      claimed: file.claimed,
      rebuilt: file.rebuilt,
    })),
  });
}

/** @throws RebuildDifferenceError when the statement is not one of these. */
export function parseRebuildDifference(statement: Statement): RebuildDifference {
  if (statement.predicateType !== rebuildDifferencePredicate) {
    throw new RebuildDifferenceError('E_REBUILD_DIFFERENCE', 'not a difference of two builds');
  }
  const parsed = RebuildDifference.safeParse(statement.predicate);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RebuildDifferenceError(
    'E_REBUILD_DIFFERENCE',
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`,
  );
}
