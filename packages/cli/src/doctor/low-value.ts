/** `airlock doctor --only low-value`: whether nonprod keeps among its secrets what a process of the gate signs in with. */
import { readFile, stat } from 'node:fs/promises';
import { SecretMark, secretMark } from '@airlock/common/wire/secret-marks';
import pg from 'pg';
import { z } from 'zod';

const Rows = z.array(
  z.object({
    source: z.string(),
    key: z.instanceof(Buffer),
    marks: z.array(SecretMark),
    taken_at: z.date(),
  }),
);

export interface Overlap {
  readonly file: string;
  /** Name of nonprod's secret. */
  readonly secret: string;
}

export interface LowValue {
  /** How many private files were compared. */
  readonly compared: number;
  readonly overlaps: readonly Overlap[];
  /** When nonprod answered last; null when it never did. */
  readonly takenAt: Date | null;
}

/**
 * Compares by the marks that the gate's intake was told last.
 *
 * @param database a role of the gate's; the marks are not secret to any of them.
 * @param files files that the gate's processes name; those that others may read are left out.
 */
export async function compareWithNonprod(
  database: pg.ClientConfig,
  files: readonly string[],
): Promise<LowValue> {
  const client = new pg.Client({ ...database, connectionTimeoutMillis: 5_000 });
  await client.connect();
  let sets: z.infer<typeof Rows>;
  try {
    const { rows } = await client.query(
      'select source, key, marks, taken_at from nonprod_secret_mark_set',
    );
    sets = Rows.parse(rows);
  } finally {
    await client.end();
  }
  const overlaps: Overlap[] = [];
  let compared = 0;
  for (const file of files) {
    const { mode } = await stat(file);
    const value = (await readFile(file, 'utf8')).trim();
    if ((mode & 0o077) !== 0 || value === '') continue;
    compared += 1;
    for (const { key, marks } of sets) {
      const mark = secretMark(key, value);
      const same = marks.find((candidate) => candidate.mark === mark);
      if (same !== undefined) overlaps.push({ file, secret: same.secret });
    }
  }
  const times = sets.map(({ taken_at }) => taken_at.getTime());
  return {
    compared,
    overlaps,
    takenAt: times.length === 0 ? null : new Date(Math.min(...times)),
  };
}
