import type { Remark } from '../domain/remark.ts';
import type { Transaction } from './ports.ts';

/** Where it is kept what people asked and answered on promotions. */
export interface RemarkStore {
  /** Oldest first. */
  of(promotionId: string): Promise<readonly Remark[]>;
  /** How many a person wrote after `since`, on whatever promotion. */
  countOf(person: string, since: Date): Promise<number>;
  /** @returns its id. */
  insert(tx: Transaction, promotionId: string, remark: Omit<Remark, 'id'>): Promise<number>;
}
