import type { NotedShadow, ShadowDifference } from '../domain/shadow.ts';

/** Where rules on trial would have decided otherwise. */
export interface ShadowStore {
  /** Keeps when it was seen first and last, and the newest reasons. */
  note(
    promotion: { readonly id: string; readonly release: string; readonly target: string },
    difference: ShadowDifference,
    at: Date,
  ): Promise<void>;
  /** The newest first. */
  onTarget(target: string, limit: number): Promise<readonly NotedShadow[]>;
}
