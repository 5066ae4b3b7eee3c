/** What the stops of the gate are kept in and read from. */
import type { KeptCoSignature } from './waiver-ports.ts';
import type { KnownStop } from '../domain/stop.ts';
import type { Transaction } from './ports.ts';

/** A signature under a lift, with the one use of its nonce. */
export type KeptLift = Omit<KeptCoSignature, 'subjectId'> & { readonly stopId: string };

export interface StopStore {
  /** The newest two hundred, lifted ones too: older ones stand in the ledger, which is asked as well. */
  recent(): Promise<readonly KnownStop[]>;
  lifts(stopId: string): Promise<readonly KeptLift[]>;
  /** How many were ever placed. */
  count(): Promise<number>;
  /** The same, and none is placed until the transaction has ended: waits for those that are being placed. */
  hold(tx: Transaction): Promise<number>;
  /** Waits for transactions that hold the stops. */
  insert(tx: Transaction, stop: KnownStop & { readonly reason: string }): Promise<void>;
  insertLift(tx: Transaction, lift: KeptLift): Promise<void>;
}

/** The file of the emergency stop, and what its first line says. */
export type EmergencyMark = { readonly since: Date; readonly reason: string | null };

/** Since when the file of the emergency stop is on this host; null while it is not. Needs no other service. */
export type EmergencyStop = () => Date | null;
