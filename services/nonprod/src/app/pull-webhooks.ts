import type { SpooledHook } from '@airlock/common/wire/hook-relay';
import type { Hook, RefusedDelivery, TakeDelivery } from '@airlock/process/webhook-intake';

/**
 * One fetch from the relay: each delivery is treated as if it had come to us, and forgotten there once it is on disk here or
 * is none that we take. A delivery that cannot be written down stays there, with everything behind it.
 */
export function createPullWebhooks(ports: {
  readonly relay: {
    waiting(): Promise<readonly SpooledHook[]>;
    taken(ids: readonly string[]): Promise<void>;
  };
  hookAt(provider: string, repository: string | null): Promise<Hook | null>;
  readonly take: TakeDelivery;
  onRefused(refused: RefusedDelivery): void;
}): () => Promise<void> {
  return async () => {
    const done: string[] = [];
    try {
      for (const spooled of await ports.relay.waiting()) {
        const { provider, repository, headers, from } = spooled;
        const hook = await ports.hookAt(provider, repository);
        if (hook === null) {
          ports.onRefused({ provider, repository: '', code: 'not-found', from });
        } else {
          const body = Buffer.from(spooled.body, 'base64');
          const at = new Date(spooled.at);
          await ports.take({ hook, headers, body, at, from, relayed: true });
        }
        done.push(spooled.id);
      }
    } finally {
      if (done.length > 0) await ports.relay.taken(done);
    }
  };
}
