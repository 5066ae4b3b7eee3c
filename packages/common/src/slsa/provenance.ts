import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { pipelineBuildType, provenancePredicate } from '../constants.ts';
import { statementBytes, type Subject } from '../intoto/statement.ts';
import { Name } from '../wire/scalars.ts';

/** The parameters that decide what a build of ours does; an unknown one is an injected flag and is refused. */
export const externalParameterNames = ['repository', 'ref', 'pipeline', 'release'] as const;

/**
 * The predicate of SLSA provenance v1, in the one shape that our signer emits.
 *
 * The specification tells readers to skip unknown fields; a gate that skips what it does not understand can be told
 * things that nobody checked, so unknown fields are refused. `externalParameters` and the dependencies' digests are read
 * by the chain itself, which gives their faults codes of their own.
 */
export const Provenance = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.string(),
    externalParameters: z.record(z.string(), z.unknown()),
    /** What the builder says of its own making. Of these only `runner` is read, and never believed. */
    internalParameters: z.looseObject({ runner: Name.exactOptional() }),
    resolvedDependencies: z.array(
      z.strictObject({ uri: z.string(), digest: z.record(z.string(), z.string()) }),
    ),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({ id: z.string() }),
    metadata: z.strictObject({
      invocationId: z.string(),
      startedOn: z.string(),
      finishedOn: z.string(),
    }),
  }),
});
export type Provenance = z.infer<typeof Provenance>;

/** `git+<repository>@<ref>`: how provenance names the source that was built. */
export function sourceDependencyUri(repository: string, ref: string): string {
  return `git+${repository}@${ref}`;
}

/** `file:<path>`: how provenance names a file at the built commit. */
export function fileDependencyUri(path: string): string {
  return `file:${path}`;
}

/** How provenance names the software of the runner that built. */
export const runnerImageUri = 'oci:runner-image';

/** `plan:<pipeline path>`: how provenance names the plan that ran. */
export function planDependencyUri(pipeline: string): string {
  return `plan:${pipeline}`;
}

/** What the signer knows about a build and states about it. */
export type BuildFacts = {
  readonly subject: Subject;
  readonly builderId: string;
  readonly repository: string;
  readonly ref: string;
  readonly commit: string;
  readonly pipeline: string;
  readonly pipelineBlob: string;
  readonly release: string;
  readonly invocationId: string;
  readonly startedOn: string;
  readonly finishedOn: string;
  /** What the runner attested of the run; the gate refuses provenance of a build of which nothing was. */
  readonly ran?: {
    readonly planDigest: string;
    readonly runnerImage: string;
    /** False where the signer could not compile the plan itself: it knows main alone. */
    readonly planRederived: boolean;
    /** Name that the runner signed its attestation under. Absent where the one who signs built by itself. */
    readonly runner?: string;
  };
};

/** The bytes of the provenance Statement to sign: what `admit` reads back. */
export function provenanceStatement(build: BuildFacts): Buffer {
  const { repository, ref, pipeline, release, ran } = build;
  return statementBytes(build.subject, provenancePredicate, {
    buildDefinition: {
      buildType: pipelineBuildType,
      externalParameters: { repository, ref, pipeline, release },
      internalParameters: {
        ...(ran?.planRederived === false ? { plan: 'as the runner attests' } : {}),
        ...(ran?.runner === undefined ? {} : { runner: ran.runner }),
      },
      resolvedDependencies: [
        { uri: sourceDependencyUri(repository, ref), digest: { gitCommit: build.commit } },
        { uri: fileDependencyUri(pipeline), digest: { gitBlob: build.pipelineBlob } },
        ...(ran === undefined
          ? []
          : [
              { uri: planDependencyUri(pipeline), digest: { sha256: ran.planDigest } },
              { uri: runnerImageUri, digest: { sha256: ran.runnerImage } },
            ]),
      ],
    },
    runDetails: {
      builder: { id: build.builderId },
      metadata: {
        invocationId: build.invocationId,
        startedOn: build.startedOn,
        finishedOn: build.finishedOn,
      },
    },
  });
}
