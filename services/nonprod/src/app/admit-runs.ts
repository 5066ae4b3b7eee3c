import type { Bell } from './ports.ts';
import type { QuotaStore, Quotas } from './quota-ports.ts';

/** Lets runs begin that waited until their repository or person had room again, the oldest first. */
export function createAdmitRuns(ports: {
  readonly store: Pick<QuotaStore, 'waiting' | 'admit'>;
  readonly quotas: Pick<Quotas, 'admission'>;
  /** Tells the process that serves runners that there is work. */
  readonly jobs: Bell;
}): () => Promise<void> {
  return async () => {
    for (const { id, repository } of await ports.store.waiting()) {
      const admitted = await ports.store.admit(id, ports.quotas.admission(repository));
      if (admitted) ports.jobs.ring(id);
    }
  };
}
