/**
 * `.airlock/release.yaml`: what a run hands on and where it may be asked to go. It is read from the commit that is
 * built; on pull requests it decides nothing but which file is kept.
 */
import { ArtifactName, Name, RepositoryPath } from '@airlock/common/wire/scalars';
import type { Parsed } from './pipeline-file.ts';
import { readMap, readText, readTexts } from './yaml-fields.ts';
import { parseTemplate, type Template } from './template.ts';
import { substituteInValue } from './substitution.ts';
import {
  join,
  readYamlFile,
  type FaultList,
  type Place,
  type YamlEntry,
  type YamlValue,
} from './yaml-file.ts';

export const releasePath = '.airlock/release.yaml';

/** A workflow's name as the file has it. */
export interface WorkflowReference {
  readonly name: string;
  readonly place: Place;
}

export interface ReleaseFile {
  readonly artifact: {
    /** What the file calls it. */
    readonly key: string;
    readonly place: Place;
    /** Null: the only one that there is. */
    readonly workflow: WorkflowReference | null;
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
    /** Workflows that must have passed on the same commit. */
    readonly requires: readonly WorkflowReference[];
  };
}

interface ArtifactEntry {
  readonly name: string;
  readonly place: Place;
  readonly workflow: WorkflowReference | null;
  readonly path: string | null;
  readonly maxBytes: number | null;
  readonly reproduce: number;
}
interface ReleaseEntry {
  readonly name: string;
  readonly artifacts: readonly string[];
  readonly version: string | null;
  readonly targets: readonly string[];
  readonly requires: readonly WorkflowReference[];
}

export function parseReleaseFile(text: string): Parsed<ReleaseFile> {
  const { root, faults } = readYamlFile(text);
  const { warnings } = faults;
  if (root === null) return { ok: false, faults: faults.faults, warnings };
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
  if (faults.faults.length > 0) return { ok: false, faults: faults.faults, warnings };
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
    return { ok: false, faults: faults.faults, warnings };
  }
  if (release.artifacts.length !== 1 || release.artifacts[0] !== artifact.name) {
    faults.add(root.at, `releases.${release.name}.artifacts`, `expected [${artifact.name}]`);
  }
  if (artifact.path === null) {
    faults.add(root.at, `artifacts.${artifact.name}.path`, 'missing; name the file to keep');
    return { ok: false, faults: faults.faults, warnings };
  }
  const fileName = artifact.path.slice(artifact.path.lastIndexOf('/') + 1);
  if (!ArtifactName.safeParse(fileName).success) {
    faults.add(
      root.at,
      `artifacts.${artifact.name}.path`,
      'the file’s name has letters, digits and . _ + - only',
    );
  }
  if (faults.faults.length > 0) return { ok: false, faults: faults.faults, warnings };
  return {
    ok: true,
    value: {
      artifact: {
        key: artifact.name,
        place: artifact.place,
        workflow: artifact.workflow,
        fileName,
        path: artifact.path,
        maxBytes: artifact.maxBytes,
        reproduce: artifact.reproduce,
      },
      release,
    },
    warnings,
  };
}

function readArtifacts(value: YamlValue, path: string, faults: FaultList): ArtifactEntry[] {
  return entriesOf(value, path, faults).map(({ key, keyAt, value: artifact }) => {
    const read: {
      -readonly [K in 'workflow' | 'path' | 'maxBytes' | 'reproduce']: ArtifactEntry[K];
    } = {
      workflow: null,
      path: null,
      maxBytes: null,
      reproduce: 1,
    };
    readMap(artifact, join(path, key), faults, {
      workflow: (entry, at) => {
        const name = readText(entry.value, at, faults);
        if (name !== null) read.workflow = { name, place: faults.place(entry.value.at) };
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
      sbom: 'put it into the archive as bom.json, *.cdx.json or *.spdx.json, where the gate finds it; leave the key out',
      reproduce: (entry, at) => {
        const text = readText(entry.value, at, faults) ?? '';
        if (/^[1-8]$/.test(text)) read.reproduce = Number(text);
        else faults.add(entry.value.at, at, 'expected a number of builders, 1 to 8');
      },
    });
    return { name: key, place: faults.place(keyAt), ...read };
  });
}

function readReleases(value: YamlValue, path: string, faults: FaultList): ReleaseEntry[] {
  return entriesOf(value, path, faults).map(({ key, value: release }) => {
    const read: { -readonly [K in Exclude<keyof ReleaseEntry, 'name'>]: ReleaseEntry[K] } = {
      artifacts: [],
      version: null,
      targets: [],
      requires: [],
    };
    readMap(release, join(path, key), faults, {
      artifacts: (entry, at) => {
        read.artifacts = readTexts(entry.value, at, faults);
      },
      version: (entry, at) => {
        read.version = readText(entry.value, at, faults);
        const fault = read.version === null ? null : versionFault(read.version);
        if (fault !== null) faults.add(entry.value.at, at, fault);
      },
      promote: (entry, at) => {
        read.targets = readTargets(entry.value, at, faults);
      },
      notes: 'the gate shows the commits; leave the key out',
      requires: (entry, at) => {
        read.requires = readReferences(entry.value, at, faults);
      },
    });
    return { name: key, ...read };
  });
}

function readReferences(value: YamlValue, path: string, faults: FaultList): WorkflowReference[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length > maxRequired) faults.add(value.at, path, `at most ${maxRequired} workflows`);
  return items.slice(0, maxRequired).flatMap((item, index) => {
    const name = readText(item, join(path, String(index)), faults);
    return name === null ? [] : [{ name, place: faults.place(item.at) }];
  });
}

const maxRequired = 64;

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

function entriesOf(value: YamlValue, path: string, faults: FaultList): readonly YamlEntry[] {
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

/** Two commits that a version must tell apart. */
const samples = ['0123456789ab', 'ba9876543210'].map((start) => start.padEnd(40, '0'));

/** What is wrong with a version as the file writes it; null for nothing. */
function versionFault(text: string): string | null {
  const unknown = referencesIn(parseTemplate(text)).find(
    (name) => !versionVariables.includes(name),
  );
  if (unknown !== undefined) return `knows ${versionVariables.join(', ')}, not ${unknown}`;
  const [one = '', other = ''] = samples.map((commit) => expandVersion(text, commit));
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(one)) {
    return 'expected letters, digits, . _ - and references such as ${CI_COMMIT_SHA:0:12}';
  }
  // Without the commit it would name two builds alike.
  return one.includes(samples[0]?.slice(0, 12) ?? '') && one !== other
    ? null
    : '${CI_COMMIT_SHA:0:12} must be part of it';
}

const versionVariables = ['CI_COMMIT_SHA', 'CI_COMMIT_TAG', 'CI_COMMIT_BRANCH'];

function referencesIn(template: Template): string[] {
  return template.flatMap((piece) =>
    typeof piece === 'string' ? [] : [piece.name, ...piece.arguments.flatMap(referencesIn)],
  );
}

/** The version of what a push to main built from this commit: there is no tag, and the branch is main. */
export function expandVersion(template: string, commit: string): string {
  return substituteInValue(template, { CI_COMMIT_SHA: commit, CI_COMMIT_BRANCH: 'main' });
}
