import { Status } from '@airlock/web/views/badge';
import { DataTable } from '@airlock/web/views/data-table';
import type { VaultSession } from '../../app/ports.ts';
import { clock, leaseState, plain } from './words.ts';

/** Credentials by where they come from and how they end; never by what they are. */
export function LeaseTable({
  sessions,
  empty,
  withDelivery = false,
}: {
  readonly sessions: readonly VaultSession[];
  readonly now: Date;
  readonly empty: string;
  readonly withDelivery?: boolean;
}) {
  return (
    <DataTable
      caption="Credentials"
      rows={sessions}
      empty={empty}
      columns={[
        {
          label: 'Vault path',
          kind: 'mono',
          cell: ({ databaseMount, databaseRole }) => `${databaseMount}/creds/${databaseRole}`,
        },
        ...(withDelivery
          ? [
              {
                label: 'Delivery',
                kind: 'mono' as const,
                cell: ({ deliveryId }: VaultSession) => (
                  <a href={`/deliveries/${deliveryId}`}>{deliveryId}</a>
                ),
              },
              {
                label: 'Day',
                nowrap: true,
                cell: ({ createdAt }: VaultSession) => createdAt.toISOString().slice(0, 10),
              },
            ]
          : []),
        {
          label: 'Issued',
          kind: 'mono',
          cell: ({ issuedAt }) => (issuedAt === null ? '–' : clock(issuedAt)),
        },
        { label: 'Dies at the latest', kind: 'mono', cell: ({ deadline }) => clock(deadline) },
        {
          label: 'Revoked',
          wide: true,
          cell: (session) => {
            const { tone, text } = leaseState(session);
            return (
              <>
                <Status tone={tone}>
                  {session.revokedAt === null ? text : `${clock(session.revokedAt)}, ${text}`}
                </Status>
                {session.lastError === null || session.state === 'CLEAN' ? null : (
                  <div class="small muted">{plain(session.lastError)}</div>
                )}
              </>
            );
          },
        },
        {
          label: 'Database role',
          kind: 'mono',
          cell: ({ roleName, roleGone }) =>
            roleName === null
              ? '–'
              : `…${plain(roleName).slice(-12)}${roleGone === true ? ' (gone)' : ''}`,
        },
      ]}
    />
  );
}
