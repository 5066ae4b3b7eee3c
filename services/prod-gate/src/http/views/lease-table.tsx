import { Status } from '@airlock/web/views/badge';
import { DataTable } from '@airlock/web/views/data-table';
import type { SessionCredential, VaultSession } from '../../app/ports.ts';
import { clock, leaseState, plain } from './words.ts';

type Row = { readonly session: VaultSession; readonly credential: SessionCredential };

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
  const rows = sessions.flatMap((session) =>
    session.credentials.map((credential): Row => ({ session, credential })),
  );
  return (
    <DataTable
      caption="Credentials"
      rows={rows}
      empty={empty}
      columns={[
        {
          label: 'Vault path',
          kind: 'mono',
          cell: ({ credential }) => credential.path,
        },
        ...(withDelivery
          ? [
              {
                label: 'Delivery',
                kind: 'mono' as const,
                cell: ({ session: { deliveryId } }: Row) => (
                  <a href={`/deliveries/${deliveryId}`}>{deliveryId}</a>
                ),
              },
              {
                label: 'Day',
                nowrap: true,
                cell: ({ session }: Row) => session.createdAt.toISOString().slice(0, 10),
              },
            ]
          : []),
        {
          label: 'Issued',
          kind: 'mono',
          cell: ({ credential: { issuedAt } }) => (issuedAt === null ? '–' : clock(issuedAt)),
        },
        {
          label: 'Dies at the latest',
          kind: 'mono',
          cell: ({ credential: { diesAt } }) => (diesAt === null ? '–' : clock(diesAt)),
        },
        {
          label: 'End',
          wide: true,
          cell: ({ session, credential }) => {
            const { tone, text } = leaseState(session, credential);
            return (
              <>
                <Status tone={tone}>
                  {credential.goneAt === null ? text : `${clock(credential.goneAt)}, ${text}`}
                </Status>
                {session.lastError === null || session.state === 'CLEAN' ? null : (
                  <div class="small muted">{plain(session.lastError)}</div>
                )}
              </>
            );
          },
        },
        {
          label: 'Known as',
          kind: 'mono',
          cell: ({ credential: { holder } }) =>
            holder === null
              ? '–'
              : holder.length > 12
                ? `…${plain(holder).slice(-12)}`
                : plain(holder),
        },
      ]}
    />
  );
}
