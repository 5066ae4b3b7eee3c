/** What the pages, the API and the command line are shown from. */
import type { FactSources } from './fact-sources.ts';
import type { NewerStore } from './newer-ports.ts';
import type { ObservationStore } from './observation-ports.ts';
import type { ReplacedDocumentStore } from './approval-ports.ts';
import type { RemarkStore } from './remark-ports.ts';
import type { TraceStore } from './trace-ports.ts';
import type { DeliveryStore } from './delivery-ports.ts';

export type ViewSources = FactSources & {
  readonly deliveries: Pick<DeliveryStore, 'runningOn' | 'ofPromotion'>;
  readonly newer: Pick<NewerStore, 'of'>;
  readonly observations: Pick<ObservationStore, 'of' | 'all'>;
  readonly remarks: Pick<RemarkStore, 'of'>;
  readonly replaced: Pick<ReplacedDocumentStore, 'of'>;
  readonly traces: Pick<TraceStore, 'firsts'>;
};

/**
 * The same sources, each asked once for what the facts, the view and its details all need. For one request: what changes
 * meanwhile is not seen.
 */
export function askedOnce(sources: ViewSources): ViewSources {
  const { promotions, approvals } = sources;
  return {
    ...sources,
    files: once(() => sources.files()),
    promotions: {
      ...promotions,
      find: onceEach((id) => promotions.find(id)),
      evidence: onceEach((id) => promotions.evidence(id)),
      liveOn: onceEach((target) => promotions.liveOn(target)),
    },
    approvals: { of: onceEach((id) => approvals.of(id)) },
  };
}

function onceEach<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (key) => {
    const answer = answers.get(key) ?? ask(key);
    answers.set(key, answer);
    return answer;
  };
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  const each = onceEach(ask);
  return () => each('');
}
