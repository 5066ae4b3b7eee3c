import type { DeltaDetails } from '../domain/delta.ts';

/** Of changed files that say nothing more. */
export const noDetails: DeltaDetails = {
  dependencies: { added: 0, removed: 0, changed: 0, list: [], unread: [] },
  migrations: { count: 0, list: [] },
  owners: [],
};
