import type { Attestation, AttestationStore } from '../../app/attestation-ports.ts';
import type { Attestation as AttestationRow } from '../../generated/prisma/client.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { intakeItemFrom } from './intake-store.ts';
import { asBuffer, asBytes, oneOf } from './rows.ts';

export function createAttestationStore(database: GateDatabase): AttestationStore {
  const { prisma } = database;
  return {
    async insert(tx, attestation) {
      const again = {
        code: 'already-attested',
        message: 'there is an attestation of this already',
      } as const;
      await onDuplicate({ attestation_once: again, attestation_pkey: again }, () =>
        clientOf(tx).attestation.create({
          data: { ...attestation, envelope: asBytes(attestation.envelope) },
        }),
      );
    },

    async summaryOf(about, policyDigest) {
      const row = await prisma.attestation.findFirst({
        where: { kind: 'vsa', about, policyDigest, result: 'PASSED' },
      });
      return row === null ? null : attestationFrom(row);
    },

    async statementOf(about) {
      const row = await prisma.attestation.findFirst({ where: { kind: 'delivery', about } });
      return row === null ? null : attestationFrom(row);
    },

    async hasFailed(about, policyDigest) {
      const count = await prisma.attestation.count({
        where: { kind: 'vsa', about, policyDigest, result: 'FAILED' },
      });
      return count > 0;
    },

    async promotionsWithoutSummary(limit) {
      const rows = await prisma.$queryRaw<{ id: string }[]>`
        select p.id from promotion p
        where p.state in ('waiting', 'delivering') and not exists (
          select from attestation a
          where a.about = p.id and a.kind = 'vsa' and a.policy_digest = p.policy_digest and a.result = 'PASSED')
        order by p.admitted_at limit ${limit}`;
      return rows.map(({ id }) => id);
    },

    async refusedWithoutSummary(limit) {
      const rows = await prisma.$queryRaw<{ source: string; seq: bigint }[]>`
        select i.source, i.seq from intake_item i
        where i.outcome = 'refused' and not exists (
          select from attestation a where a.about = i.source || '/' || i.seq::text and a.kind = 'vsa')
        order by i.received_at limit ${limit}`;
      const items = await prisma.intakeItem.findMany({
        where: { OR: rows.map(({ source, seq }) => ({ source, seq })) },
        orderBy: { receivedAt: 'asc' },
      });
      return items.map(intakeItemFrom);
    },

    async deliveriesWithoutStatement(endedBefore, limit) {
      const rows = await prisma.$queryRaw<{ id: string }[]>`
        select d.id from delivery d
        where d.state <> 'running' and d.finished_at < ${endedBefore} and not exists (
          select from attestation a where a.about = d.id and a.kind = 'delivery')
        order by d.finished_at limit ${limit}`;
      return rows.map(({ id }) => id);
    },
  };
}

function attestationFrom(row: AttestationRow): Attestation {
  const result = row.result === null ? null : oneOf(['PASSED', 'FAILED'] as const, row.result);
  return {
    ...row,
    kind: oneOf(['vsa', 'delivery'] as const, row.kind),
    result,
    envelope: asBuffer(row.envelope),
  };
}
