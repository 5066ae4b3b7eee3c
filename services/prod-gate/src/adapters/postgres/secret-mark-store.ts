import { SecretMark } from '@airlock/common/wire/secret-marks';
import { z } from 'zod';
import type { SecretMarkStore } from '../../app/known-to-nonprod.ts';
import type { GateDatabase } from './client.ts';
import { asBytes, malformed } from './rows.ts';

const Marks = z.array(SecretMark);

export function createSecretMarkStore({ prisma }: Pick<GateDatabase, 'prisma'>): SecretMarkStore {
  return {
    async all() {
      const rows = await prisma.nonprodSecretMarkSet.findMany();
      return rows.map(({ source, key, marks, takenAt }) => {
        const parsed = Marks.safeParse(marks);
        if (!parsed.success) throw malformed(`the marks of ${source} are not marks`, parsed.error);
        return { source, key, marks: parsed.data, takenAt };
      });
    },

    async replace({ source, key, marks, takenAt }) {
      const data = { key: asBytes(key), marks: [...marks], takenAt };
      await prisma.nonprodSecretMarkSet.upsert({
        where: { source },
        create: { source, ...data },
        update: data,
      });
    },
  };
}
