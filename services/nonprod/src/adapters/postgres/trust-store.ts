import { z } from 'zod';
import type { RunTrust } from '../../app/trust-ports.ts';

const Columns = z.object({
  level: z.literal([0, 1, 2, 3]),
  why: z.string(),
  files: z.enum(['own', 'base']),
  filesCommit: z.string(),
  notes: z.array(z.string()),
});

/** A run without a row is from before trust was kept, and a stranger's. */
export function trustOf(row: unknown, commit: string): RunTrust {
  if (row !== null) return Columns.parse(row);
  const why = 'it is from before trust was decided here';
  return { level: 0, why, files: 'own', filesCommit: commit, notes: [] };
}
