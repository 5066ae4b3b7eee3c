/**
 * The images of a builder: what a step may name, and which programs it then sees. A pipeline cannot bring its own; what is not
 * listed does not run.
 */
import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { z } from 'zod';
import type { IsolationMode } from '@airlock/common/wire/isolation';
import { ConfigurationError, FilePath } from '@airlock/process/config';
import { imageOf, type Podman, type PodmanImage } from '@airlock/sandbox/podman/store';
import { treeDigest } from './tree-digest.ts';

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex>');

export const ImageEntry = z
  .strictObject({
    image: z
      .string()
      .min(1)
      .max(255)
      .describe(
        'Name of an image as pipelines write it, or a pattern: * stands for any characters but /, ** for any. Such as node:24 or docker.io/library/node:*.',
      ),
    root: z
      .union([z.literal('host'), FilePath])
      .optional()
      .describe(
        'bubblewrap: directory of an unpacked root file system. The word host: the programs of this machine, its /usr read-only; the only choice of the modes user and none.',
      ),
    container: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}$/, 'expected name@sha256:<64 hex>')
      .optional()
      .describe(
        'podman: the container image, which must be on this machine already; it is never fetched.',
      ),
    digest: Digest.optional().describe(
      'Digest of the tree of root, as `runner.image` in the log shows it; another tree is refused at start. Left out: whatever is there is attested.',
    ),
    entrypoint: z
      .array(z.string().min(1).max(4096))
      .max(64)
      .default([])
      .describe('What a plugin step runs, program first. Default: none.'),
    plugin: z
      .boolean()
      .default(false)
      .describe('True: steps with settings may use it. Needs entrypoint. Default false.'),
  })
  .refine(({ root, container }) => (root === undefined) !== (container === undefined), {
    message: 'give root (bubblewrap, user, none) or container (podman), one of them',
  })
  .refine(({ plugin, entrypoint, container }) => !plugin || entrypoint.length > 0 || container, {
    message: 'a plugin needs entrypoint, the program that it runs',
  });
export type ImageEntry = z.infer<typeof ImageEntry>;

export type ImageRoot =
  | { readonly kind: 'host' }
  | { readonly kind: 'directory'; readonly path: string; readonly digest: string }
  | {
      readonly kind: 'container';
      readonly reference: string;
      readonly digest: string;
      /** Whether the image says itself where its programs are. */
      readonly hasPath: boolean;
    };

export type CatalogueImage = {
  /** The pattern that it stands under. */
  readonly listedAs: string;
  readonly root: ImageRoot;
  readonly entrypoint: readonly string[];
  readonly plugin: boolean;
};

export type FoundImage =
  | { readonly listed: true; readonly image: CatalogueImage }
  /** One sentence for whoever wrote the pipeline. */
  | { readonly listed: false; readonly reason: string };

export type Catalogue = {
  find(image: string): FoundImage;
  /** Of the first entry: what `bash`, `sh`, `/bin/sh` and `/bin/bash` lead to, and what unpacks and collects. */
  readonly base: CatalogueImage;
  readonly images: readonly CatalogueImage[];
};

const shells = new Set(['bash', 'sh', '/bin/sh', '/bin/bash']);

const modeOf: Readonly<Record<ImageRoot['kind'], readonly IsolationMode[]>> = {
  host: ['bubblewrap', 'user', 'none'],
  directory: ['bubblewrap'],
  container: ['podman'],
};

/** @param images not empty; the first that matches counts. */
export function createCatalogue(images: readonly CatalogueImage[]): Catalogue {
  const [base] = images;
  if (base === undefined) {
    throw new ConfigurationError(
      'configuration-refused',
      'images: no image is listed, so that no step could run; list one, such as {image: "**", root: host} for the programs of this machine',
    );
  }
  const patterns = images.map((image) => ({ image, pattern: patternOf(image.listedAs) }));
  return {
    base,
    images,
    find(name) {
      const found =
        patterns.find(({ pattern }) => pattern.test(name))?.image ??
        (shells.has(name) ? base : undefined);
      if (found !== undefined) return { listed: true, image: found };
      return {
        listed: false,
        reason: `image ${name} is not in the catalogue of this runner (it has: ${images.map(({ listedAs }) => listedAs).join(', ')}); use one of these, or ask the platform team to add it under images`,
      };
    },
  };
}

/** Every image leads to the programs of this machine. */
export const hostCatalogue: Catalogue = createCatalogue([
  { listedAs: '**', root: { kind: 'host' }, entrypoint: [], plugin: false },
]);

/**
 * Reads the trees of the catalogue, which takes some seconds a gigabyte.
 *
 * @param podman where containers are looked up; null: there are none.
 * @throws ConfigurationError when a root is missing or another than its digest says, or is none for `mode`.
 */
export async function readCatalogue(
  entries: readonly ImageEntry[],
  mode: IsolationMode,
  podman: Podman | null = null,
): Promise<Catalogue> {
  const images: CatalogueImage[] = [];
  for (const [index, entry] of entries.entries()) {
    const where = `images.${index} (${entry.image})`;
    const root = await readRoot(entry, where);
    if (!modeOf[root.kind].includes(mode)) {
      throw refused(
        `${where}: isolation: ${mode} cannot use ${root.kind === 'container' ? 'container' : `root: ${entry.root ?? ''}`}; ${mode === 'podman' ? 'give container: name@sha256:…' : mode === 'bubblewrap' ? 'give root: a directory' : 'give root: host, or use isolation: bubblewrap'}`,
      );
    }
    const { plugin } = entry;
    const own = root.kind === 'container' ? await containerFacts(root, podman, where) : null;
    images.push({
      listedAs: entry.image,
      root: root.kind === 'container' ? { ...root, hasPath: own?.hasPath === true } : root,
      entrypoint: entry.entrypoint.length > 0 ? entry.entrypoint : (own?.entrypoint ?? []),
      plugin,
    });
  }
  return createCatalogue(images);
}

async function containerFacts(
  { reference }: Extract<ImageRoot, { kind: 'container' }>,
  podman: Podman | null,
  where: string,
): Promise<PodmanImage> {
  const found = podman === null ? null : await imageOf(podman, reference);
  if (found !== null) return found;
  throw refused(
    `${where}: ${reference} is not on this machine, and a runner fetches nothing; run, as the user of the runner: podman pull ${reference}`,
  );
}

async function readRoot(entry: ImageEntry, where: string): Promise<ImageRoot> {
  const { root, container } = entry;
  if (container !== undefined) {
    const digest = container.slice(container.indexOf('@sha256:') + '@sha256:'.length);
    return { kind: 'container', reference: container, digest, hasPath: false };
  }
  if (root === undefined || root === 'host') {
    if (entry.digest === undefined) return { kind: 'host' };
    throw refused(`${where}: digest is for a directory; pin the machine itself by image.digest`);
  }
  const facts = await lstat(root).catch(() => null);
  if (!facts?.isDirectory()) {
    throw refused(`${where}: ${root} is not a directory; unpack the root file system there`);
  }
  const shell = await lstat(`${root}/bin/sh`).catch(() => null);
  if (shell === null) throw refused(`${where}: ${root} has no bin/sh, which runs the steps`);
  const digest = await treeDigest(root);
  if (entry.digest !== undefined && entry.digest !== `sha256:${digest}`) {
    throw refused(
      `${where}: ${entry.digest} is pinned and ${root} is sha256:${digest}; unpack the right one, or pin this one here and in builders.images of the target files`,
    );
  }
  return { kind: 'directory', path: root, digest };
}

/**
 * SHA-256 (hex) of the software that the steps of a job saw: of the one image, or, where they saw several, of the sorted list
 * of the digests, a line each.
 *
 * @param names as the steps have them; unlisted ones were not run and do not count.
 * @param machine digest of this machine's software, for images that are the machine.
 */
export function imagesDigest(
  catalogue: Catalogue,
  names: readonly string[],
  machine: string,
): string {
  const seen = names.flatMap((name) => {
    const found = catalogue.find(name);
    return found.listed ? [found.image] : [];
  });
  const digests = new Set(
    (seen.length === 0 ? [catalogue.base] : seen).map(({ root }) =>
      root.kind === 'host' ? machine : root.digest,
    ),
  );
  const [only = machine, ...others] = [...digests].sort();
  if (others.length === 0) return only;
  return createHash('sha256')
    .update([only, ...others].map((digest) => `${digest}\n`).join(''))
    .digest('hex');
}

/** One sentence for the log of a step. */
export function imageLine(name: string, { root }: CatalogueImage, mode: IsolationMode): string {
  if (mode === 'none') {
    return `image ${name}: this pool runs every image on the machine itself, WITHOUT ISOLATION`;
  }
  if (root.kind === 'host') return `image ${name}: the programs of the runner's machine`;
  return `image ${name}: sha256:${root.digest.slice(0, 12)}`;
}

function patternOf(glob: string): RegExp {
  const source = glob
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === '**') return '.*';
      if (part === '*') return '[^/]*';
      return part.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`, 's');
}

function refused(message: string): ConfigurationError {
  return new ConfigurationError('configuration-refused', message);
}
