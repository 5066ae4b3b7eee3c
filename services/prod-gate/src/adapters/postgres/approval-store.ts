import type { Approval, ApprovalStore, SignedApproval } from '../../app/approval-ports.ts';
import type { Approval as ApprovalRow, ApprovalWithdrawal } from '../../generated/prisma/client.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { asBuffer, asBytes, asId, asNumber, oneOf } from './rows.ts';

export function createApprovalStore(database: GateDatabase): ApprovalStore {
  return {
    async of(promotionId) {
      const rows = await database.prisma.approval.findMany({
        where: { promotionId },
        include: withWithdrawal,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(approvalFrom);
    },

    async insert(tx, approval) {
      const { signed } = approval;
      await onDuplicate(
        {
          approval_nonce_key: { code: 'nonce-unknown', message: 'this nonce has been used before' },
        },
        () =>
          clientOf(tx).approval.create({
            data: {
              id: approval.id,
              promotionId: approval.promotionId,
              person: approval.person,
              decision: approval.decision,
              note: approval.note,
              promotionDigest: approval.promotionDigest,
              createdAt: approval.createdAt,
              ...(signed === null
                ? {}
                : {
                    statement: asBytes(signed.statement),
                    credentialId: signed.credentialId,
                    authenticatorData: signed.authenticatorData,
                    clientDataJson: signed.clientDataJson,
                    signature: signed.signature,
                    signCountBefore: signed.signCountBefore,
                    nonce: signed.nonce,
                  }),
            },
          }),
      );
    },

    async withdraw(tx, { at, ...withdrawal }) {
      await onDuplicate({ approval_withdrawal_pkey: withdrawnBefore }, () =>
        clientOf(tx).approvalWithdrawal.create({ data: { ...withdrawal, withdrawnAt: at } }),
      );
    },
  };
}

const withdrawnBefore = {
  code: 'row-changed',
  message: 'this approval was withdrawn before',
} as const;

export const withWithdrawal = { withdrawal: true } as const;

export function approvalFrom(
  row: ApprovalRow & { withdrawal: ApprovalWithdrawal | null },
): Approval {
  return {
    id: asId('apr', row.id),
    promotionId: row.promotionId,
    person: row.person,
    decision: oneOf(['approve', 'reject'], row.decision),
    note: row.note,
    promotionDigest: row.promotionDigest,
    signed: signedFrom(row),
    createdAt: row.createdAt,
    withdrawn:
      row.withdrawal === null
        ? null
        : { at: row.withdrawal.withdrawnAt, reason: row.withdrawal.reason },
  };
}

/** An approval with a part missing counts as unsigned, which is to say not at all. */
function signedFrom(row: ApprovalRow): SignedApproval | null {
  if (
    row.statement === null ||
    row.credentialId === null ||
    row.authenticatorData === null ||
    row.clientDataJson === null ||
    row.signature === null ||
    row.signCountBefore === null ||
    row.nonce === null
  ) {
    return null;
  }
  return {
    statement: asBuffer(row.statement),
    credentialId: row.credentialId,
    authenticatorData: row.authenticatorData,
    clientDataJson: row.clientDataJson,
    signature: row.signature,
    signCountBefore: asNumber(row.signCountBefore),
    nonce: row.nonce,
  };
}
