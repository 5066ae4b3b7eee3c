import type { Frame } from '@airlock/web/views/layout';
import type { Check } from '../../app/checks.ts';
import type { PromotionDetails } from '../../app/view-promotion.ts';

export interface PromotionPageProps {
  readonly frame: Frame;
  readonly view: PromotionDetails;
  readonly checks: readonly Check[];
  /** Whether the viewer has a passkey that is in force. */
  readonly hasPasskey: boolean;
  readonly now: Date;
  readonly seen: string;
}
