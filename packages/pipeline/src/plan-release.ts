/** What of the release file goes into a plan. */
import type { PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { plainName } from './names.ts';
import type { PipelineFile } from './pipeline-file.ts';
import { releasePath, type ReleaseFile } from './release-file.ts';
import { formatFault, type Place } from './yaml-file.ts';

interface Source {
  readonly name: string;
  readonly file: PipelineFile;
}

/** Checks the names of workflows in it, and answers how it goes into a plan of the workflows that run. */
export function releaseOf(
  file: ReleaseFile,
  sources: readonly Source[],
): {
  readonly faults: readonly string[];
  plan(workflows: readonly PlanWorkflow[]): Pick<RunPlan, 'artifact' | 'release'>;
} {
  const { artifact, release } = file;
  const faults: string[] = [];
  const tell = (place: Place, path: string, message: string): void => {
    faults.push(formatFault(releasePath, { ...place, path, message }));
  };
  const known = sources.map(({ name }) => name);
  const find = (name: string): Source | undefined =>
    sources.find((source) => source.name === (plainName(name) ?? ''));
  const [only] = sources;
  const maker =
    artifact.workflow === null
      ? sources.length === 1
        ? only
        : undefined
      : find(artifact.workflow.name);
  const place = artifact.workflow?.place ?? artifact.place;
  const where = `artifacts.${artifact.key}.workflow`;
  if (maker === undefined) {
    const message =
      artifact.workflow === null
        ? `say which workflow makes it: ${known.join(', ')}`
        : `no workflow is named ${artifact.workflow.name}; there are ${known.join(', ')}`;
    tell(place, where, message);
  } else if (maker.file.matrix.length > 0) {
    tell(place, where, `${maker.name} has a matrix: which combination makes it is not known`);
  }
  for (const required of release.requires) {
    if (find(required.name) !== undefined) continue;
    const message = `no workflow is named ${required.name}; there are ${known.join(', ')}`;
    tell(required.place, `releases.${release.name}.requires`, message);
  }
  return {
    faults,
    plan(workflows) {
      // For an event that leaves the workflow out, nothing is made that could be kept.
      if (maker === undefined || !workflows.some(({ name }) => name === maker.name)) {
        return { artifact: null, release: null };
      }
      return {
        artifact: {
          workflow: maker.name,
          name: artifact.fileName,
          path: artifact.path,
          maxBytes: artifact.maxBytes,
        },
        release: {
          version: release.version,
          targets: [...release.targets],
          requires: release.requires.map(({ name }) => plainName(name) ?? name),
        },
      };
    },
  };
}
