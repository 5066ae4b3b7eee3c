import type { Fenced } from '../../app/delivery-ports.ts';
import type {
  VaultSession,
  VaultSessionState,
  VaultSessionStore,
} from '../../app/vault-session-ports.ts';
import { credentialKinds, endings } from '@airlock/common/policy/target-credentials';
import type { Prisma } from '../../generated/prisma/client.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { asId, oneOf } from './rows.ts';

/** What a session is read with, always. */
export const withCredentials = {
  credentials: { orderBy: { place: 'asc' } },
} as const satisfies Prisma.VaultSessionInclude;
type VaultSessionRow = Prisma.VaultSessionGetPayload<{ include: typeof withCredentials }>;

const trials = ['due', 'refused', 'works', 'unknown'] as const;
const states = ['INTENT', 'TOKEN', 'LEASED', 'REVOKING', 'REVOKE_PENDING', 'CLEAN'] as const;
/** Long enough for a person to see what Vault said; never the whole of an unbounded answer. */
const maxErrorLength = 500;

export function createVaultSessionStore(database: GateDatabase): VaultSessionStore {
  const { prisma, pool } = database;

  async function change(
    client: Pick<Prisma.TransactionClient, 'vaultSession'>,
    session: Fenced,
    from: VaultSessionState[],
    data: Prisma.VaultSessionUpdateManyMutationInput,
  ): Promise<boolean> {
    const { count } = await client.vaultSession.updateMany({
      where: { id: session.id, fence: session.fence, state: { in: from } },
      data,
    });
    return count === 1;
  }

  return {
    async find(id) {
      const row = await prisma.vaultSession.findUnique({
        where: { id },
        include: withCredentials,
      });
      return row === null ? null : vaultSessionFrom(row);
    },

    async ofDelivery(deliveryId) {
      const row = await prisma.vaultSession.findFirst({
        where: { deliveryId },
        include: withCredentials,
        orderBy: { createdAt: 'desc' },
      });
      return row === null ? null : vaultSessionFrom(row);
    },

    async uncleanOn(target) {
      // Each judgement asks, and nearly always everything is clean.
      const { rows } = await pool.query({
        name: 'vault-session-unclean-on',
        text: "select 1 from vault_session where target = $1 and state <> 'CLEAN' limit 1",
        values: [target],
      });
      if (rows.length === 0) return null;
      const row = await prisma.vaultSession.findFirst({
        where: { target, state: { not: 'CLEAN' } },
        include: withCredentials,
      });
      return row === null ? null : vaultSessionFrom(row);
    },

    async unclean() {
      const rows = await prisma.vaultSession.findMany({
        where: { state: { not: 'CLEAN' } },
        include: withCredentials,
        orderBy: { createdAt: 'asc' },
      });
      return rows.map(vaultSessionFrom);
    },

    async cleanWithLoginEnded({ after, until }) {
      const ended = await prisma.mintedLogin.findMany({
        where: { expiresAt: { gt: after, lte: until } },
        select: { sessionId: true },
      });
      if (ended.length === 0) return [];
      const rows = await prisma.vaultSession.findMany({
        where: { id: { in: ended.map(({ sessionId }) => sessionId) }, state: 'CLEAN' },
        include: withCredentials,
      });
      return rows.map(vaultSessionFrom);
    },

    async cleanedBetween({ after, until }) {
      const rows = await prisma.vaultSession.findMany({
        where: { state: 'CLEAN', revokedAt: { gt: after, lte: until } },
        include: withCredentials,
      });
      return rows.map(vaultSessionFrom);
    },

    async insertIntent(tx, session) {
      await onDuplicate({ vault_session_live: targetBusy }, () =>
        clientOf(tx).vaultSession.create({
          data: {
            id: session.id,
            deliveryId: session.deliveryId,
            target: session.target,
            fence: session.fence,
            state: 'INTENT',
            jwtMount: session.jwtMount,
            credentials: {
              create: session.credentials.map((credential, place) => ({ ...credential, place })),
            },
            jwtExpiresAt: session.jwtExpiresAt,
            deadline: session.deadline,
            createdAt: session.at,
          },
        }),
      );
    },

    token: (session, accessor) => change(prisma, session, ['INTENT'], { state: 'TOKEN', accessor }),

    async leased(tx, session, { name, ...read }) {
      if (!(await change(clientOf(tx), session, ['TOKEN', 'LEASED'], { state: 'LEASED' }))) {
        return false;
      }
      const { count } = await clientOf(tx).vaultCredential.updateMany({
        where: { sessionId: session.id, name, issuedAt: null },
        data: read,
      });
      return count === 1;
    },

    async tried({ id, fence }, { name, trial, at }) {
      const { count } = await prisma.vaultCredential.updateMany({
        where: {
          sessionId: id,
          name,
          session: { fence, state: { in: ['REVOKING', 'REVOKE_PENDING'] } },
        },
        data: { trial, triedAt: at },
      });
      return count === 1;
    },

    revoking: (session) =>
      change(prisma, session, ['INTENT', 'TOKEN', 'LEASED'], { state: 'REVOKING' }),

    fenceOff: (tx, session, fence) =>
      change(clientOf(tx), session, ['INTENT', 'TOKEN', 'LEASED', 'REVOKING', 'REVOKE_PENDING'], {
        state: 'REVOKING',
        fence,
      }),

    async revokeFailed(id, error) {
      await prisma.vaultSession.updateMany({
        where: { id, state: { in: ['REVOKING', 'REVOKE_PENDING'] } },
        data: {
          state: 'REVOKE_PENDING',
          attempts: { increment: 1 },
          lastError:
            error.length > maxErrorLength ? `${error.slice(0, maxErrorLength - 1)}…` : error,
        },
      });
    },

    async clean(tx, id, at) {
      const { count } = await clientOf(tx).vaultSession.updateMany({
        where: { id, state: { in: ['REVOKING', 'REVOKE_PENDING'] } },
        data: {
          state: 'CLEAN',
          revokedAt: at,
          attempts: { increment: 1 },
          lastError: null,
        },
      });
      if (count !== 1) return false;
      await clientOf(tx).vaultCredential.updateMany({
        where: { sessionId: id, ending: 'revocable' },
        data: { goneAt: at },
      });
      return true;
    },

    async minted(sessionId) {
      return prisma.mintedLogin.findUnique({ where: { sessionId } });
    },

    async recordMint(tx, mint) {
      await onDuplicate(
        { minted_login_pkey: alreadyMinted, minted_login_delivery: alreadyMinted },
        () => clientOf(tx).mintedLogin.create({ data: mint }),
      );
    },
  };
}

const targetBusy = {
  code: 'target-busy',
  message: 'a credential of this target is not known to be revoked yet',
} as const;
const alreadyMinted = {
  code: 'already-minted',
  message: 'a login was minted for this delivery before; a delivery gets one',
} as const;

export function vaultSessionFrom({ credentials, ...row }: VaultSessionRow): VaultSession {
  return {
    ...row,
    deliveryId: asId('dlv', row.deliveryId),
    state: oneOf(states, row.state),
    credentials: credentials.map((credential) => ({
      name: credential.name,
      kind: oneOf(credentialKinds, credential.kind),
      path: credential.path,
      ending: oneOf(endings, credential.ending),
      leaseId: credential.leaseId,
      holder: credential.holder,
      issuedAt: credential.issuedAt,
      diesAt: credential.diesAt,
      goneAt: credential.goneAt,
      trial: credential.trial === null ? null : oneOf(trials, credential.trial),
      triedAt: credential.triedAt,
    })),
  };
}
