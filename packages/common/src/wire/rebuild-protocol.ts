/**
 * What crosses between a rebuilder and the gate (HTTPS, TLS 1.3, mutual, the rebuild-edge CA; the rebuilder dials).
 *
 *   GET  /v1/rebuilds                         → 200 WantedRebuilds
 *   GET  /v1/rebuilds/:promotion/artifact     → 200 the main builder's artifact, raw | 404
 *   POST /v1/rebuilds/:promotion              RebuildReport → 201 | 200 (said before) | 404 | 422 rebuild-refused
 *
 * Nothing here is believed by either side: the rebuilder reads recipe and source in its own mirror, the gate verifies the
 * envelopes by its own trust store.
 */
import { z } from 'zod';
import { ArtifactName, GitCommit, RepositoryPath, Sha256Hex } from './scalars.ts';

export const PromotionId = z.string().regex(/^prm_[0-9a-hjkmnp-tv-z]{10}$/);

export const WantedRebuild = z.strictObject({
  promotion: PromotionId,
  repository: z.string().min(1).max(1024),
  commit: GitCommit,
  pipeline: RepositoryPath,
  releaseFile: RepositoryPath,
  artifact: z.strictObject({
    name: ArtifactName,
    digest: Sha256Hex.describe('What the main builder claims to have made.'),
    size: z.number().int().nonnegative(),
  }),
});
export type WantedRebuild = z.infer<typeof WantedRebuild>;

/** Oldest first; what does not fit is there the next time. */
export const WantedRebuilds = z.strictObject({ rebuilds: z.array(WantedRebuild).max(16) });
export type WantedRebuilds = z.infer<typeof WantedRebuilds>;

/** An envelope holds at most 128 KiB of payload, in base64. */
const Envelope = z.string().min(1).max(200_000);

export const RebuildReport = z.strictObject({
  provenance: Envelope.describe('DSSE envelope of SLSA provenance, one line.'),
  difference: Envelope.nullable().describe(
    'DSSE envelope of what differs; null when nothing does, or when that cannot be said file by file.',
  ),
});
export type RebuildReport = z.infer<typeof RebuildReport>;
