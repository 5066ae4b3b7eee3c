/** Stopping, and the signatures of those who start again, put together for the gate's pages. */
import { randomBytes } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import { createLifting } from './app/lift-stop.ts';
import { createPlaceStop } from './app/place-stop.ts';
import type { GateFiles } from './app/configuration-ports.ts';
import type { DeliveryStore } from './app/delivery-ports.ts';
import type { Recorder } from './app/ledger-ports.ts';
import type { PasskeyStore } from './app/passkey-ports.ts';
import type { Transactor } from './app/ports.ts';
import type { PromotionQueries } from './app/query-ports.ts';
import type { LedgerProofs } from './app/prove-entry.ts';
import type { EmergencyStop, StopStore } from './app/stop-ports.ts';
import type { TraceStore } from './app/trace-ports.ts';
import { viewBlastRadius, viewLiveTouched } from './app/view-blast-radius.ts';
import { viewStop, viewStops, viewStopsOnDelivery } from './app/view-stops.ts';
import type { Stop } from './domain/stop.ts';
import type { BlastRadiusPorts } from './http/routes/blast-radius.tsx';
import type { PagePorts } from './http/routes/pages.tsx';
import type { StopPorts } from './http/routes/stops.tsx';

export function createStopping(parts: {
  readonly gate: string;
  readonly relyingParty: { readonly rpId: string };
  readonly database: Transactor;
  readonly stops: StopStore;
  readonly deliveries: Pick<DeliveryStore, 'find'>;
  readonly traces: TraceStore;
  readonly queries: Pick<PromotionQueries, 'live' | 'promotions'>;
  readonly passkeys: PasskeyStore;
  readonly recorder: Recorder;
  readonly proofs: LedgerProofs;
  readonly files: () => Promise<GateFiles>;
  readonly emergency: EmergencyStop;
  readonly onPlaced: (stop: Stop) => void;
  readonly now: () => Date;
  readonly randomNonce: () => string;
}): StopPorts['stopping'] & BlastRadiusPorts['stopping'] & PagePorts['stopping'] {
  const shared = { ...parts, ledger: parts.proofs.facts };
  return {
    place: createPlaceStop({ ...parts, newStopId: () => formatId('stp', randomBytes(10)) }),
    lifting: createLifting({ ...shared, rpId: parts.relyingParty.rpId }),
    async view() {
      const now = parts.now();
      return { ...(await viewStops(shared, now)), live: await viewLiveTouched(shared, now) };
    },
    incident: (stopId) => viewStop(shared, stopId),
    liveTouched: () => viewLiveTouched(shared, parts.now()),
    onDelivery: (delivery, promotion) =>
      viewStopsOnDelivery(shared, delivery, promotion, parts.now()),
    blastRadius: (question) => viewBlastRadius(shared, question, parts.now()),
  };
}
