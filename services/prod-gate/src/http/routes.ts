import type { Route } from '@airlock/web/route';
import { ledgerRoutes } from './ledger-export.ts';
import { accessRoutes, type AccessPorts } from './routes/access.tsx';
import { apiRoutes, type ApiPorts } from './routes/api.ts';
import { blastRadiusRoutes, type BlastRadiusPorts } from './routes/blast-radius.tsx';
import { waiverRoutes, type WaiverPorts } from './routes/waivers.tsx';
import { checkRoutes } from './routes/checks.tsx';
import { deliverRoutes, type DeliverPorts } from './routes/deliver.ts';
import { evidenceRoutes, type EvidencePorts } from './routes/evidence.ts';
import { hookRoutes, type HookPorts } from './routes/hooks.tsx';
import { ledgerEntryRoutes } from './routes/ledger-entry.tsx';
import { notificationRoutes, type NotificationRoutePorts } from './routes/notifications.tsx';
import { pageRoutes, type PagePorts } from './routes/pages.tsx';
import { enrolmentRoutes, type EnrolmentRoutePorts } from './routes/enrolments.ts';
import { passkeyRoutes, type PasskeyRoutePorts } from './routes/passkeys.tsx';
import { remarkRoutes, type RemarkPorts } from './routes/remarks.ts';
import { returnRoutes, type ReturnPorts } from './routes/returns.tsx';
import { schemaRoutes } from './routes/schemas.ts';
import { shadowRoutes, type ShadowRoutePorts } from './routes/shadow.ts';
import { securityKeyRoutes, type SecurityKeyPorts } from './routes/security-keys.tsx';
import { stopRoutes, type StopPorts } from './routes/stops.tsx';
import { trustRoutes, type TrustPorts } from './routes/trust.tsx';
import { withdrawalRoutes, type WithdrawalPorts } from './routes/withdrawal.ts';

export type GatePorts = ApiPorts &
  AccessPorts &
  PagePorts &
  EvidencePorts &
  WithdrawalPorts &
  RemarkPorts &
  WaiverPorts &
  DeliverPorts &
  StopPorts &
  TrustPorts &
  HookPorts &
  BlastRadiusPorts &
  ReturnPorts &
  ShadowRoutePorts &
  SecurityKeyPorts &
  EnrolmentRoutePorts &
  PasskeyRoutePorts &
  NotificationRoutePorts;

/** Everything that the gate answers to. */
export function gateRoutes(ports: GatePorts): Route[] {
  return [
    ...pageRoutes(ports),
    ...checkRoutes(ports),
    ...accessRoutes(ports),
    ...apiRoutes(ports),
    ...withdrawalRoutes(ports),
    ...remarkRoutes(ports),
    ...waiverRoutes(ports),
    ...deliverRoutes(ports),
    ...stopRoutes(ports),
    ...trustRoutes(ports),
    ...hookRoutes(ports),
    ...blastRadiusRoutes(ports),
    ...returnRoutes(ports),
    ...securityKeyRoutes(ports),
    ...enrolmentRoutes(ports),
    ...passkeyRoutes(ports),
    ...notificationRoutes(ports),
    ...evidenceRoutes(ports),
    ...schemaRoutes(),
    ...shadowRoutes(ports),
    ...ledgerRoutes(ports.ledger),
    // After the addresses of its files, which would look like entries.
    ...ledgerEntryRoutes(ports),
  ];
}
