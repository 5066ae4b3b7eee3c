/**
 * `.airlock/release.yaml`: what a run hands on and where it may be asked to go. It is read from the commit that is
 * built; on pull requests it decides nothing but which file is kept.
 */
import { ArtifactName, Name, RepositoryPath } from '@airlock/common/wire/scalars';
import type { Parsed } from './pipeline-file.ts';
import { readMap, readText, readTexts } from './yaml-fields.ts';
import { join, readYamlFile, type FaultList, type YamlValue } from './yaml-file.ts';

export const releasePath = '.airlock/release.yaml';

/** The one workflow of a repository with a single pipeline file. */
const onlyWorkflow = 'woodpecker';
const versionVariable = '${CI_COMMIT_SHA:0:12}';

export interface ReleaseFile {
  readonly artifact: {
    /** Last part of `path`: the name that provenance states. */
    readonly fileName: string;
    readonly path: string;
    /** Null where the file sets no limit of its own. */
    readonly maxBytes: number | null;
    /** Builders that must have made the same bytes, 1 to 8. It raises what a target asks for and never lowers it. */
    readonly reproduce: number;
  };
  readonly release: {
    readonly name: string;
    /** Null: named by date and a number, such as 2026.11.22-1. */
    readonly version: string | null;
    readonly targets: readonly string[];
  };
}

interface ArtifactEntry {
  readonly name: string;
  readonly path: string | null;
  readonly maxBytes: number | null;
  readonly reproduce: number;
}
interface ReleaseEntry {
  readonly name: string;
  readonly artifacts: readonly string[];
  readonly version: string | null;
  readonly targets: readonly string[];
}

export function parseReleaseFile(text: string): Parsed<ReleaseFile> {
  const { root, faults } = readYamlFile(text);
  if (root === null) return { ok: false, faults: faults.faults };
  const read: {
    version: string | null;
    artifacts: readonly ArtifactEntry[];
    releases: readonly ReleaseEntry[];
  } = { version: null, artifacts: [], releases: [] };
  readMap(root, '', faults, {
    version: ({ value }, path) => {
      read.version = readText(value, path, faults);
      if (read.version !== '1') faults.add(value.at, path, 'expected 1');
    },
    artifacts: ({ value }, path) => {
      read.artifacts = readArtifacts(value, path, faults);
    },
    releases: ({ value }, path) => {
      read.releases = readReleases(value, path, faults);
    },
  });
  const { version, artifacts, releases } = read;
  if (faults.faults.length > 0) return { ok: false, faults: faults.faults };
  if (version === null) faults.add(root.at, 'version', 'missing; write `version: 1`');
  const artifact = artifacts[0];
  const release = releases[0];
  if (artifacts.length !== 1 || artifact === undefined) {
    faults.add(
      root.at,
      'artifacts',
      `exactly one artifact is collected; found ${artifacts.length}`,
    );
  }
  if (releases.length !== 1 || release === undefined) {
    faults.add(root.at, 'releases', `exactly one release is made; found ${releases.length}`);
  }
  if (artifact === undefined || release === undefined || faults.faults.length > 0) {
    return { ok: false, faults: faults.faults };
  }
  if (release.artifacts.length !== 1 || release.artifacts[0] !== artifact.name) {
    faults.add(root.at, `releases.${release.name}.artifacts`, `expected [${artifact.name}]`);
  }
  if (artifact.path === null) {
    faults.add(root.at, `artifacts.${artifact.name}.path`, 'missing; name the file to keep');
    return { ok: false, faults: faults.faults };
  }
  const fileName = artifact.path.slice(artifact.path.lastIndexOf('/') + 1);
  if (!ArtifactName.safeParse(fileName).success) {
    faults.add(
      root.at,
      `artifacts.${artifact.name}.path`,
      'the file’s name has letters, digits and . _ + - only',
    );
  }
  if (faults.faults.length > 0) return { ok: false, faults: faults.faults };
  return {
    ok: true,
    value: {
      artifact: {
        fileName,
        path: artifact.path,
        maxBytes: artifact.maxBytes,
        reproduce: artifact.reproduce,
      },
      release: { name: release.name, version: release.version, targets: release.targets },
    },
  };
}

function readArtifacts(value: YamlValue, path: string, faults: FaultList): ArtifactEntry[] {
  return entriesOf(value, path, faults).map(({ key, value: artifact }) => {
    const read: { path: string | null; maxBytes: number | null; reproduce: number } = {
      path: null,
      maxBytes: null,
      reproduce: 1,
    };
    readMap(artifact, join(path, key), faults, {
      workflow: (entry, at) => {
        if (readText(entry.value, at, faults) !== onlyWorkflow) {
          faults.add(entry.value.at, at, `this repository has one workflow, ${onlyWorkflow}`);
        }
      },
      path: (entry, at) => {
        read.path = readText(entry.value, at, faults);
        if (read.path !== null && !RepositoryPath.safeParse(read.path).success) {
          faults.add(entry.value.at, at, 'expected a relative path inside the working directory');
        }
      },
      maxSize: (entry, at) => {
        const size = parseSize(readText(entry.value, at, faults) ?? '');
        if (size === null) faults.add(entry.value.at, at, 'expected a size such as 200MiB');
        else read.maxBytes = size;
      },
      tree: 'only single files are kept; make an archive and name it with `path`',
      oci: 'only single files are kept; make an archive and name it with `path`',
      sbom: 'only the artifact itself is kept; leave the key out',
      reproduce: (entry, at) => {
        const text = readText(entry.value, at, faults) ?? '';
        if (/^[1-8]$/.test(text)) read.reproduce = Number(text);
        else faults.add(entry.value.at, at, 'expected a number of builders, 1 to 8');
      },
    });
    return { name: key, ...read };
  });
}

function readReleases(value: YamlValue, path: string, faults: FaultList): ReleaseEntry[] {
  return entriesOf(value, path, faults).map(({ key, value: release }) => {
    const read: { artifacts: string[]; version: string | null; targets: string[] } = {
      artifacts: [],
      version: null,
      targets: [],
    };
    readMap(release, join(path, key), faults, {
      artifacts: (entry, at) => {
        read.artifacts = readTexts(entry.value, at, faults);
      },
      version: (entry, at) => {
        read.version = readText(entry.value, at, faults);
        if (read.version !== null && !isVersionTemplate(read.version)) {
          faults.add(
            entry.value.at,
            at,
            `expected letters, digits, . _ - and at most ${versionVariable}, which must be part of it`,
          );
        }
      },
      promote: (entry, at) => {
        read.targets = readTargets(entry.value, at, faults);
      },
      notes: 'the gate shows the commits; leave the key out',
      requires: 'every step of the run must pass; leave the key out',
    });
    return { name: key, ...read };
  });
}

function readTargets(value: YamlValue, path: string, faults: FaultList): string[] {
  if (value.kind !== 'list') {
    faults.add(value.at, path, 'expected a list such as `- target: prod`');
    return [];
  }
  const targets: string[] = [];
  value.items.forEach((item, index) => {
    readMap(item, join(path, String(index)), faults, {
      target: (entry, at) => {
        const target = readText(entry.value, at, faults);
        if (target === null) return;
        if (!Name.safeParse(target).success)
          faults.add(entry.value.at, at, 'expected 1 to 63 letters, digits, . _ -');
        if (targets.includes(target)) faults.add(entry.value.at, at, `${target} stands here twice`);
        targets.push(target);
      },
      auto: 'a person asks for every promotion; leave the key out',
      after: 'the gate decides the order of deliveries; leave the key out',
      params: 'what a delivery does is fixed at the gate; leave the key out',
    });
  });
  return targets;
}

function entriesOf(
  value: YamlValue,
  path: string,
  faults: FaultList,
): readonly { readonly key: string; readonly value: YamlValue }[] {
  if (value.kind !== 'map') {
    faults.add(value.at, path, 'expected names with what belongs to each');
    return [];
  }
  for (const { key, keyAt } of value.entries) {
    if (!Name.safeParse(key).success) {
      faults.add(keyAt, join(path, key), 'expected 1 to 63 letters, digits, . _ -');
    }
  }
  return value.entries;
}

const sizeUnits: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function parseSize(text: string): number | null {
  const match = /^([1-9]\d{0,5})(KiB|MiB|GiB)$/.exec(text);
  const unit = sizeUnits[match?.[2] ?? ''];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/**
 * How many builders a release file asks for, by its text; 1 without a file. A file that cannot be followed asks for more than
 * there can be: nobody should get by with fewer builders through a mistake in it.
 */
export function reproduceWish(text: string | null): number {
  if (text === null) return 1;
  const parsed = parseReleaseFile(text);
  return parsed.ok ? parsed.value.artifact.reproduce : mostBuilders;
}

const mostBuilders = 8;

/** A template without the commit would name two builds alike. */
function isVersionTemplate(text: string): boolean {
  const parts = text.split(versionVariable);
  return (
    parts.length === 2 &&
    parts.every((part) => /^[A-Za-z0-9._-]{0,64}$/.test(part)) &&
    text.length <= 100
  );
}

export function expandVersion(template: string, commit: string): string {
  return template.split(versionVariable).join(commit.slice(0, 12));
}
