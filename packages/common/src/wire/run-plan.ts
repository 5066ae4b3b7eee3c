import { z } from 'zod';
import { ReportKind } from './reports.ts';
import { ArtifactName, Name, RepositoryPath } from './scalars.ts';

const Variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);
/** Text, a secret's text, or JSON in which `{"from_secret": name}` stands for the text of a secret. */
const Environment = z.record(
  Variable,
  z.union([
    z.string().max(65_536),
    z.strictObject({ secret: Name }),
    z.strictObject({ json: z.string().max(65_536) }),
  ]),
);
const Image = z.string().max(255);
const Commands = z.array(z.string().max(16_384)).max(256);

/** A directory that is there again in a later run, found by its key. */
export const PlanCache = z.strictObject({
  /** Under the directory of the source. */
  path: RepositoryPath,
  key: z.string().min(1).max(200),
  /** Whose content is part of the key. */
  files: z.array(RepositoryPath).max(16),
});
export type PlanCache = z.infer<typeof PlanCache>;

/** One step as it stands in the plan: no variable of a run is put in yet. */
export const PlanStep = z.strictObject({
  name: Name,
  image: Image,
  /**
   * plugin: the image's own entrypoint runs, told by PLUGIN_* variables alone; commands is empty then. The entrypoint runs
   * also for `commands` without any command: but with variables that the file chose, so that it is trusted as the file is.
   */
  kind: z.enum(['commands', 'plugin']),
  commands: Commands,
  /** Null: /bin/sh runs the commands, or, of a plugin, what the image says. */
  entrypoint: z.array(z.string().max(16_384)).max(64).nullable(),
  environment: Environment,
  /** Under the workspace; null: the workspace itself. */
  directory: z.string().max(255).nullable(),
  /** Steps of the same workflow that come before it: written out, whether the file says so or the order does. */
  dependsOn: z.array(Name).max(128),
  /** Of the steps before it: with `failure` it runs although (or only when) one failed. */
  runsOn: z.array(z.enum(['success', 'failure'])).min(1),
  failure: z.enum(['fail', 'ignore', 'cancel']),
  /** Started and not waited for; ended with the workflow. */
  detach: z.boolean(),
  limits: z
    .strictObject({
      cpus: z.number().positive().nullable(),
      memoryBytes: z.number().int().positive().nullable(),
      timeoutSeconds: z.number().int().positive().nullable(),
    })
    .nullable(),
  /** Files that it writes for people to read on the run's page, by globs under the workflow's directory; absent for none. */
  reports: z
    .array(z.strictObject({ kind: ReportKind, glob: z.string().min(1).max(255) }))
    .min(1)
    .max(32)
    .exactOptional(),
  /** Restored before it starts and kept after it passed; absent for none. */
  caches: z.array(PlanCache).min(1).max(8).exactOptional(),
  /** A file under the workflow's directory with `NAME=value` lines, given to later steps once it passed; absent for none. */
  outputs: RepositoryPath.exactOptional(),
});
export type PlanStep = z.infer<typeof PlanStep>;

/** Runs beside the steps from before the first until after the last; reached by its name. */
export const PlanService = z.strictObject({
  name: Name,
  image: Image,
  environment: Environment,
  ports: z.array(z.int().min(1).max(65_535)).max(64),
  entrypoint: z.array(z.string().max(16_384)).max(64).nullable(),
  commands: Commands,
  failure: z.enum(['fail', 'ignore']),
});
export type PlanService = z.infer<typeof PlanService>;

/** One workflow of one file, or one combination of its matrix: what one job does. */
export const PlanWorkflow = z.strictObject({
  /** The file's name without its directory and ending. */
  name: Name,
  /** 0 without a matrix; with one, the combinations counted from 1 in the file's order. */
  instance: z.int().min(0).max(256),
  file: RepositoryPath,
  matrix: z.record(Variable, z.string().max(255)),
  labels: z.record(z.string().max(63), z.string().max(255)),
  dependsOn: z.array(z.strictObject({ name: Name, optional: z.boolean() })).max(64),
  runsOn: z.array(z.enum(['success', 'failure'])).min(1),
  /** Null: no source is unpacked. */
  clone: z
    .strictObject({
      depth: z.int().min(0).max(1_000_000).nullable(),
      recursive: z.boolean(),
      lfs: z.boolean(),
      tags: z.boolean(),
      partial: z.boolean(),
    })
    .nullable(),
  /** Directory under the workspace's root in which the source lies and steps start; null: the root itself. */
  path: z.string().max(255).nullable(),
  concurrency: z
    .strictObject({ limit: z.int().min(1).max(1000), group: z.string().max(255).nullable() })
    .nullable(),
  steps: z.array(PlanStep).min(1).max(128),
  services: z.array(PlanService).max(32),
});
export type PlanWorkflow = z.infer<typeof PlanWorkflow>;

/**
 * What a run does, as compiled from the pipeline files and the release file of one commit, before a variable of the run is
 * put in. It holds nothing of the installation that runs it, so that whoever has the files gets the same plan: runner,
 * signer and gate compare it by its digest (`@airlock/pipeline/plan-digest`).
 */
export const RunPlan = z.strictObject({
  version: z.literal(2),
  workflows: z.array(PlanWorkflow).min(1).max(64),
  /** The file to collect once every step of its workflow passed; null when nothing is released from this run. */
  artifact: z
    .strictObject({
      /** A workflow of this plan without a matrix. */
      workflow: Name,
      name: ArtifactName,
      path: RepositoryPath,
      /** What the release file allows; null where it says nothing. What nonprod keeps at most is its own setting. */
      maxBytes: z.number().int().positive().nullable(),
    })
    .nullable(),
  release: z
    .strictObject({
      version: z.string().max(100).nullable(),
      targets: z.array(Name).max(100),
      /** Workflows that must have passed, all their combinations. */
      requires: z.array(Name).max(64),
    })
    .nullable(),
});
export type RunPlan = z.infer<typeof RunPlan>;
