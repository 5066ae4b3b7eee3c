import type { StartAct } from '../domain/manual-start.ts';
import type { Transaction } from './ports.ts';

/** Where it is kept that somebody started a delivery (`deliver.start: manual`). */
export interface StartStore {
  /** Of every document that the promotion had. */
  of(promotionId: string): Promise<readonly StartAct[]>;
  insert(tx: Transaction, promotionId: string, act: StartAct): Promise<void>;
}
