/** What people can be told of. */
export const newsTypes = [
  'promotion.waits',
  'promotion.reminder',
  'promotion.escalated',
  'promotion.expires',
  'promotion.approved',
  'promotion.withdrawn',
  'promotion.asked',
  'promotion.voided',
  'promotion.rejected',
  'promotion.refused',
  'promotion.superseded',
  'promotion.expired',
  'delivery.announced',
  'delivery.started',
  'delivery.live',
  'delivery.failed',
  'delivery.indeterminate',
  'delivery.returned',
  'gate.frozen',
  'gate.released',
  'gate.stopped',
  'gate.started',
  'target.drifted',
  'target.unobserved',
  'target.settled',
  'break-glass.asked',
  'break-glass.used',
  'break-glass.reviewed',
  'override.asked',
  'override.used',
  'override.reviewed',
  'passkey.added',
  'passkey.withdrawn',
  'ledger.contradicted',
] as const;
export type NewsType = (typeof newsTypes)[number];

export interface News {
  /** Made of what happened, such as `prm_…:expired`: the same id is told once. At most 256 bytes. */
  readonly id: string;
  /** What it belongs to: a promotion's id where there is one, so that what follows is told to those whom the first went to. */
  readonly thread: string;
  readonly type: NewsType;
  /** One sentence, plain text of any origin; senders escape it. Never a secret. */
  readonly title: string;
  /** Up to 20 further lines of the same kind. */
  readonly lines: readonly string[];
  /** Page of the gate, beginning with `/`. */
  readonly path: string;
  /** The target whose file says who is told; null: whoever is told of the gate itself. */
  readonly target: string | null;
  /** Person id of who did it, who needs no mail about it; null for a process. */
  readonly actor: string | null;
  readonly at: Date;
}
