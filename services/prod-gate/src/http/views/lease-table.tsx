import { Status } from '@airlock/web/views/badge';
import { DataTable } from '@airlock/web/views/data-table';
import type { SessionCredential, VaultSession } from '../../app/vault-session-ports.ts';
import { clock, leaseState, plain } from './words.ts';

export interface LeaseRow {
  readonly session: VaultSession;
  readonly credential: SessionCredential;
}

export const leaseRows = (sessions: readonly VaultSession[]): LeaseRow[] =>
  sessions.flatMap((session) => session.credentials.map((credential) => ({ session, credential })));

/** Beyond it the end of a name tells it from others of the same kind. */
const longestName = 32;

/** Credentials by where they come from and how they end; never by what they are. */
export function LeaseTable({
  rows,
  now,
  empty,
  withDelivery = false,
}: {
  readonly rows: readonly LeaseRow[];
  readonly now: Date;
  readonly empty: string;
  readonly withDelivery?: boolean;
}) {
  return (
    <DataTable
      caption="Credentials"
      rows={rows}
      empty={empty}
      stacked
      columns={[
        {
          label: 'Credential',
          cell: ({ credential: { name, kind, path } }) => (
            <>
              {name} <span class="muted">{kind}</span>
              <div class="cell-mono">{path}</div>
            </>
          ),
        },
        {
          label: 'End',
          wide: true,
          cell: ({ session, credential }) => {
            const { tone, text } = leaseState(session, credential, now);
            return (
              <div>
                <Status tone={tone}>
                  {credential.goneAt === null ? text : `${clock(credential.goneAt)}, ${text}`}
                </Status>
                {session.lastError === null || credential.ending !== 'revocable' ? null : (
                  <div class="small muted">{plain(session.lastError)}</div>
                )}
              </div>
            );
          },
        },
        ...(withDelivery
          ? [
              {
                label: 'Delivery',
                kind: 'mono' as const,
                cell: ({ session: { deliveryId } }: LeaseRow) => (
                  <a href={`/deliveries/${deliveryId}`}>{deliveryId}</a>
                ),
              },
              {
                label: 'Day',
                nowrap: true,
                cell: ({ session }: LeaseRow) => session.createdAt.toISOString().slice(0, 10),
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
          label: 'Known as',
          kind: 'mono',
          cell: ({ credential: { holder } }) =>
            holder === null
              ? '–'
              : holder.length > longestName
                ? `…${plain(holder).slice(-12)}`
                : plain(holder),
        },
      ]}
    />
  );
}
