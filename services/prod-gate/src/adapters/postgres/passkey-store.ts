import { ceremonyKinds, type Passkey, type PasskeyStore } from '../../app/passkey-ports.ts';
import { StoreError } from '../../app/ports.ts';
import type { Passkey as PasskeyRow, Prisma } from '../../generated/prisma/client.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asNumber, oneOf } from './rows.ts';

export function createPasskeyStore(database: GateDatabase): PasskeyStore {
  const { prisma } = database;
  return {
    async find(credentialId) {
      const row = await prisma.passkey.findUnique({ where: { credentialId } });
      return row === null ? null : passkeyFrom(row);
    },

    async findMany(credentialIds) {
      const rows = await prisma.passkey.findMany({
        where: { credentialId: { in: [...credentialIds] } },
      });
      return rows.map(passkeyFrom);
    },

    async ofPerson(person) {
      const rows = await prisma.passkey.findMany({ where: { person }, orderBy: oldestFirst });
      return rows.map(passkeyFrom);
    },

    async ofPersonAlone(tx, person) {
      const client = clientOf(tx);
      // A row lock would not hold those that are not there yet.
      await client.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`passkey ${person}`}, 0))`;
      const rows = await client.passkey.findMany({ where: { person }, orderBy: oldestFirst });
      return rows.map(passkeyFrom);
    },

    async standing() {
      const rows = await prisma.passkey.findMany({
        where: { revokedAt: null },
        orderBy: oldestFirst,
      });
      return rows.map(passkeyFrom);
    },

    async newest({ without, skip, take }) {
      const rows = await prisma.passkey.findMany({
        where: { credentialId: { notIn: [...without] } },
        orderBy: [{ enrolledAt: 'desc' }, { credentialId: 'asc' }],
        ...{ skip, take },
      });
      return rows.map(passkeyFrom);
    },

    async revoke(tx, credentialId, at) {
      await clientOf(tx).passkey.updateMany({
        where: { credentialId, revokedAt: null },
        data: { revokedAt: at },
      });
    },

    async insert(tx, passkey) {
      await onDuplicate({ passkey_pkey: passkeyKnown }, () =>
        clientOf(tx).passkey.create({
          data: { ...passkey, cosePublicKey: asBytes(passkey.cosePublicKey) },
        }),
      );
    },

    async moveSignCount(tx, use) {
      const { count } = await clientOf(tx).passkey.updateMany({
        where: { credentialId: use.credentialId, signCount: use.from },
        data: { signCount: use.to, lastUsedAt: use.at },
      });
      if (count !== 1) {
        throw new StoreError('row-changed', 'the counter of this passkey moved meanwhile');
      }
    },

    async insertChallenge(challenge, now) {
      await prisma.webauthnChallenge.deleteMany({ where: { expiresAt: { lt: now } } });
      await prisma.webauthnChallenge.create({
        data: {
          ...challenge,
          statement: challenge.statement === null ? null : asBytes(challenge.statement),
        },
      });
    },

    async takeChallenge(tx, nonce, now) {
      const [row] = await clientOf(tx).$queryRaw<
        {
          kind: string;
          person: string;
          promotion_id: string | null;
          statement: Uint8Array | null;
          expires_at: Date;
        }[]
      >`delete from webauthn_challenge where nonce = ${nonce}
        returning kind, person, promotion_id, statement, expires_at`;
      if (row === undefined || row.expires_at <= now) {
        throw new StoreError('nonce-unknown', 'this ceremony was used, has expired or never began');
      }
      return {
        nonce,
        kind: oneOf(ceremonyKinds, row.kind),
        person: row.person,
        promotionId: row.promotion_id,
        statement: row.statement === null ? null : asBuffer(row.statement),
        expiresAt: row.expires_at,
      };
    },
  };
}

const oldestFirst = [
  { enrolledAt: 'asc' },
  { credentialId: 'asc' },
] satisfies Prisma.PasskeyOrderByWithRelationInput[];

const passkeyKnown = {
  code: 'passkey-known',
  message: 'this passkey is enrolled already',
} as const;

export function passkeyFrom(row: PasskeyRow): Passkey {
  return {
    ...row,
    cosePublicKey: asBuffer(row.cosePublicKey),
    signCount: asNumber(row.signCount),
  };
}
