/** Brings an item's bytes over from nonprod: bounded, hashed, and the artifact looked into before anybody is asked about it. */
import { createHash } from 'node:crypto';
import { AirlockError } from '@airlock/common/errors';
import { maxBundleBytes } from '@airlock/common/limits';
import type { OutboxItem } from '@airlock/common/wire/outbox';
import { requireRoom, type Room } from './artifact-room.ts';
import type { ArtifactStore, OutboxClient } from './intake-ports.ts';
import { Refused } from './refused.ts';

export type FetchDependencies = {
  outbox: Pick<OutboxClient, 'blob'>;
  artifacts: ArtifactStore;
  /** Looks into a kept artifact; null when nothing speaks against it. */
  inspect(digest: string, name: string): Promise<{ code: string; detail: string } | null>;
  room(): Promise<Room>;
  /** Largest artifact that is taken, in bytes. */
  maxArtifactBytes: number;
};

/**
 * The bytes of the bundle. They are kept with the promotion, and nowhere when there is none.
 *
 * @throws Refused `E_BLOB_MISSING`, `E_BUNDLE_SIZE`, `E_BUNDLE_DIGEST`
 */
export async function fetchBundle(
  { outbox }: Pick<FetchDependencies, 'outbox'>,
  { bundle: { digest } }: OutboxItem,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of await blobOf(outbox, digest, 'E_BUNDLE_DIGEST')) {
    size += chunk.length;
    if (size > maxBundleBytes) {
      throw new Refused('E_BUNDLE_SIZE', `at most ${maxBundleBytes} bytes are taken`);
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (createHash('sha256').update(bytes).digest('hex') !== digest) {
    throw new Refused('E_BUNDLE_DIGEST', `the bytes received are not ${digest}`);
  }
  return bytes;
}

/**
 * Keeps the artifact and looks into it.
 *
 * @param name as the provenance calls it.
 * @throws Refused `E_BLOB_MISSING`, `E_ARTIFACT_SIZE`, `E_ARTIFACT_DIGEST`, and what `inspect` finds.
 * @throws StoreFullError when it fits what is taken and not what is left; then the item is tried again.
 */
export async function fetchArtifact(
  dependencies: FetchDependencies,
  item: OutboxItem,
  name: string,
): Promise<{ size: number }> {
  const { artifacts, maxArtifactBytes } = dependencies;
  const { digest, size: claimed } = item.artifact;
  // What it claims can refuse it before a byte is sent, and allows nothing.
  if (claimed > maxArtifactBytes) {
    throw new Refused('E_ARTIFACT_SIZE', tooLarge(maxArtifactBytes));
  }
  const isKept = await artifacts.has(digest);
  const kept = isKept ? await sizeOfKept(artifacts, digest) : await bringOver(dependencies, item);
  const refusal = await dependencies.inspect(digest, name);
  if (refusal === null) return kept;
  // Nothing refers to it. What was there before is another promotion's.
  if (!isKept) await artifacts.remove(digest);
  throw new Refused(refusal.code, refusal.detail);
}

/** Nothing is sent for it again: what nonprod would send then has no bound but the largest artifact's. */
async function sizeOfKept(artifacts: ArtifactStore, digest: string): Promise<{ size: number }> {
  const { handle, size } = await artifacts.openVerified(digest);
  await handle.close();
  return { size };
}

async function bringOver(
  dependencies: FetchDependencies,
  { artifact: { digest, size: claimed } }: OutboxItem,
): Promise<{ size: number }> {
  const { artifacts, maxArtifactBytes } = dependencies;
  const room = await dependencies.room();
  requireRoom(room, claimed);
  const maxBytes = Math.min(maxArtifactBytes, room.bytes);
  try {
    const blob = await blobOf(dependencies.outbox, digest, 'E_ARTIFACT_DIGEST');
    return await artifacts.put(blob, { maxBytes, expected: digest });
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    if (cause.code === 'artifact-too-large') {
      requireRoom(room, Math.min(maxArtifactBytes, maxBytes + 1));
      throw new Refused('E_ARTIFACT_SIZE', tooLarge(maxArtifactBytes), { cause });
    }
    if (cause.code === 'artifact-digest-mismatch') {
      throw new Refused('E_ARTIFACT_DIGEST', `the bytes received are not ${digest}`, { cause });
    }
    throw cause;
  }
}

const tooLarge = (maxBytes: number): string => `at most ${maxBytes} bytes are taken`;

async function blobOf(
  outbox: Pick<OutboxClient, 'blob'>,
  digest: string,
  corruptCode: string,
): Promise<AsyncIterable<Uint8Array>> {
  try {
    return await outbox.blob(digest);
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    if (cause.code === 'outbox-blob-missing') {
      throw new Refused('E_BLOB_MISSING', `nonprod has no blob ${digest}`, { cause });
    }
    if (cause.code === 'outbox-blob-corrupt') {
      throw new Refused(corruptCode, `what nonprod keeps as ${digest} is not that`, { cause });
    }
    throw cause;
  }
}
