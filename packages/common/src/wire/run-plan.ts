import { z } from 'zod';
import { ArtifactName, Name, RepositoryPath } from './scalars.ts';

/**
 * What a run does, as compiled from the pipeline file and the release file of one commit, before a variable of the run is
 * put in. It holds nothing of the installation that runs it, so that whoever has the two files gets the same plan:
 * runner, signer and gate compare it by its digest (`@airlock/pipeline/plan-digest`).
 */
export const RunPlan = z.strictObject({
  version: z.literal(1),
  steps: z
    .array(
      z.strictObject({
        name: Name,
        image: z.string().max(255),
        commands: z.array(z.string().max(16_384)).max(256),
        environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(65_536)),
      }),
    )
    .min(1)
    .max(128),
  /** The file to collect from the workspace once every step passed; null when nothing is released from this run. */
  artifact: z
    .strictObject({
      name: ArtifactName,
      path: RepositoryPath,
      /** What the release file allows; null where it says nothing. What nonprod keeps at most is its own setting. */
      maxBytes: z.number().int().positive().nullable(),
    })
    .nullable(),
  release: z
    .strictObject({ version: z.string().max(100).nullable(), targets: z.array(Name).max(100) })
    .nullable(),
});
export type RunPlan = z.infer<typeof RunPlan>;
