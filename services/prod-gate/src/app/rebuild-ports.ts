/** Where it is kept what builders that were asked to build again said. */
import type { Transaction } from './ports.ts';

/** What a builder that was asked to build again handed back. The envelopes prove themselves; the rest is for finding them. */
export type Rebuild = {
  readonly promotionId: string;
  readonly builderId: string;
  /** SHA-256 of what it made. */
  readonly subjectDigest: string;
  readonly keyId: string;
  /** DSSE envelope of SLSA provenance, one line, verbatim. */
  readonly envelope: Buffer;
  /** DSSE envelope of what differs; null when nothing does. */
  readonly difference: Buffer | null;
  readonly receivedAt: Date;
};

export type RebuildStore = {
  /** In the order in which they came. A builder that said two things is in it twice. */
  of(promotionId: string): Promise<Rebuild[]>;
  /** Those of these promotions that the builder has said something of. */
  answeredBy(builderId: string, promotionIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** @throws StoreError `rebuild-known` */
  insert(tx: Transaction, rebuild: Rebuild): Promise<void>;
};
