import { maxBundleBytes } from '@airlock/common/limits';
import { formatTimestamp } from '@airlock/common/time';
import { bundleBytes } from '../domain/bundle.ts';
import type { Events } from '../events.ts';
import type { AskedPromotion, BlobStore, PublishStore, Signer } from './ports.ts';
import { SignerError } from './signer-error.ts';

/**
 * Puts every request that was asked into the outbox: signed request, bundle of its three envelopes, item.
 *
 * The bundle is in the store before an item names it, so that whatever the gate reads about can be fetched.
 */
export function createPublishPromotions(ports: {
  readonly requests: PublishStore;
  readonly signer: Signer;
  readonly blobs: BlobStore;
  readonly clock: () => Date;
  readonly events: Events;
}): () => Promise<void> {
  const { requests, signer, blobs, clock, events } = ports;

  async function publish(request: AskedPromotion): Promise<void> {
    const envelope = await signer.promotionRequest({
      subject: { name: request.artifact.name, sha256: request.artifact.digest },
      target: request.target,
      release: request.release,
      requester: { id: request.requester.id, idp: request.requester.idp },
      reason: request.reason,
      requestedAt: formatTimestamp(request.requestedAt),
      provenance: request.provenancePayloadDigest,
    });
    const bytes = bundleBytes([request.provenance, request.testResult, envelope]);
    const bundle = await blobs.put(once(bytes), { maxBytes: maxBundleBytes });
    const item = await requests.publish(
      { id: request.id, envelope },
      {
        id: request.id,
        createdAt: formatTimestamp(clock()),
        bundle,
        artifact: { digest: request.artifact.digest, size: request.artifact.size },
        claimedTarget: request.target,
      },
    );
    if (item !== null) {
      events.promotionPublished({ id: request.id, seq: item.seq, target: request.target });
    }
  }

  return async () => {
    for (const request of await requests.asked(16)) {
      if (request.taint !== null) {
        await requests.refuse(request.id, request.taint);
        events.promotionWithheld({ id: request.id, target: request.target }, request.taint);
        continue;
      }
      try {
        await publish(request);
      } catch (error) {
        if (!(error instanceof SignerError) || error.code !== 'signer-refused') throw error;
        await requests.refuse(request.id, error.message);
        events.signingRefused({ id: request.id }, error.message);
      }
    }
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield bytes;
}
