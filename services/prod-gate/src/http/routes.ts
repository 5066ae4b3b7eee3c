import type { Route } from '@airlock/web/route';
import type { LedgerReader } from '../app/ports.ts';
import { ledgerRoutes } from './ledger-export.ts';
import { apiRoutes, type ApiPorts } from './routes/api.ts';

/** Everything that the gate answers to. */
export function gateRoutes(ports: ApiPorts & { readonly ledger: LedgerReader }): Route[] {
  return [...apiRoutes(ports), ...ledgerRoutes(ports.ledger)];
}
