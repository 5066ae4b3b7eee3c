import type { ConfigurationStore } from '../../app/configuration-ports.ts';
import { StoreError } from '../../app/ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asNumber } from './rows.ts';

export function createConfigurationStore(database: GateDatabase): ConfigurationStore {
  return {
    async newest() {
      const row = await database.prisma.configuration.findFirst({
        orderBy: { serial: 'desc' },
        select: { serial: true, digest: true },
      });
      return row === null ? null : { serial: asNumber(row.serial), digest: row.digest };
    },

    async envelopeOf(digest) {
      const row = await database.prisma.configuration.findUnique({
        where: { digest },
        select: { envelope: true },
      });
      return row === null ? null : asBuffer(row.envelope);
    },

    async insert(tx, { serial, digest, previous, signers, envelope }, seenAt) {
      const client = clientOf(tx);
      const { count } = await client.configuration.createMany({
        data: [
          {
            ...{ serial, digest, previous, seenAt },
            signers: [...signers],
            envelope: asBytes(envelope),
          },
        ],
        skipDuplicates: true,
      });
      if (count === 1) return true;
      const standing = await client.configuration.findUnique({
        where: { serial },
        select: { digest: true },
      });
      if (standing?.digest === digest) return false;
      throw new StoreError('row-changed', `another configuration has the number ${serial}`);
    },
  };
}
