/**
 * The container image that an artifact holds as an OCI image layout
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), read from its documents as far as people decide
 * by it: what it builds on, its layers, and as whom it runs what. Documents come out of a build and are read as hostile text.
 */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { z } from 'zod';
import { shortened } from './shortened.ts';

/** Largest document of an image that is read, in bytes. */
export const maxImageDocumentBytes = 256 * 1024;
/** Bytes of all files of one artifact that may be documents of its image; what comes after is named as unread. */
export const maxImageBytes = 8 * 1024 * 1024;
const maxLayers = 512;
const maxTextLength = 300;

/** Whether a file of an artifact may be a document of its image. */
export function isImageDocument(path: string, size: number): boolean {
  return (path === 'index.json' || blobPath.test(path)) && size <= maxImageDocumentBytes;
}

/** Whether a file stands in an artifact only because it is an image layout, or means to be one. */
export const isOfImageLayout = (path: string): boolean =>
  path === 'oci-layout' || path.startsWith('blobs/sha256/');

const blobPath = /^blobs\/sha256\/[0-9a-f]{64}$/;

const Text = z.string().nullable();
const Layers = z.number().int().nonnegative().max(maxLayers);

export const ImageDelta = z.strictObject({
  /** What the image says that it was built on, or else the digest of its first layer; null where there is no image. */
  baseBefore: Text,
  baseAfter: Text,
  /** User that it runs as, entry point and command, as one line. */
  runsBefore: Text,
  runsAfter: Text,
  layersBefore: Layers,
  layersAfter: Layers,
  /** Layers that both begin with. */
  layersKept: Layers,
  /**
   * Images that could not be read: of that side nothing is known, and nothing is compared. The document, and what is wrong
   * with it, continuing its name. Absent where both were read.
   */
  unread: z
    .array(z.strictObject({ side: z.enum(['before', 'after']), file: z.string(), why: z.string() }))
    .min(1)
    .exactOptional(),
});
export type ImageDelta = z.infer<typeof ImageDelta>;

type Image = { readonly base: string; readonly runs: string; readonly layers: readonly string[] };
type File = { readonly path: string; readonly bytes: Uint8Array | null };

/** An artifact as far as an image is looked for in it. */
export type ImageFiles = {
  /** It has files of which {@link isOfImageLayout} is true. */
  readonly isLayout: boolean;
  /** Those that may be documents; null bytes: too many before it to be read. */
  readonly files: readonly File[];
};

type Unread = NonNullable<ImageDelta['unread']>[number];
type Read = { readonly image: Image | null; readonly unread: readonly Unread[] };

/** @returns undefined where neither artifact holds an image. */
export function imageDelta(before: ImageFiles, after: ImageFiles): ImageDelta | undefined {
  const [{ image: was, unread: old }, { image: is, unread: young }] = [
    readImage('before', before),
    readImage('after', after),
  ];
  const unread = [...old, ...young];
  if (was === null && is === null && unread.length === 0) return undefined;
  return imageRow({
    ...turned(was, is),
    ...(unread.length === 0 ? {} : { unread }),
  });
}

function turned(was: Image | null, is: Image | null): ImageDelta {
  const [old, young] = [was?.layers ?? [], is?.layers ?? []];
  const differs = young.findIndex((layer, place) => layer !== old[place]);
  return {
    baseBefore: was?.base ?? null,
    baseAfter: is?.base ?? null,
    runsBefore: was?.runs ?? null,
    runsAfter: is?.runs ?? null,
    layersBefore: old.length,
    layersAfter: young.length,
    layersKept: differs === -1 ? young.length : differs,
  };
}

/** In the order of keys that is signed. */
export function imageRow(delta: ImageDelta): ImageDelta {
  const { baseBefore, baseAfter, runsBefore, runsAfter } = delta;
  const { layersBefore, layersAfter, layersKept, unread } = delta;
  return {
    ...{ baseBefore, baseAfter, runsBefore, runsAfter },
    ...{ layersBefore, layersAfter, layersKept },
    ...(unread === undefined
      ? {}
      : { unread: unread.map(({ side, file, why }) => ({ side, file, why })) }),
  };
}

const Descriptor = z.looseObject({ digest: z.string() });
const Annotations = z.record(z.string(), z.string()).optional();
const Index = z.looseObject({ manifests: z.array(Descriptor).min(1) });
const Manifest = z.looseObject({
  config: Descriptor,
  layers: z.array(Descriptor).min(1).max(maxLayers),
  annotations: Annotations,
});
const Config = z.looseObject({
  config: z
    .looseObject({
      User: z.string().optional(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
    })
    .optional(),
});

/** What keeps an image from being read: a document of it, and what is wrong with that. */
class ImageError extends Error {
  readonly file: string;

  constructor(file: string, why: string) {
    super(why);
    this.file = file;
  }
}

function readImage(side: Unread['side'], { isLayout, files }: ImageFiles): Read {
  try {
    return { image: imageOf(files), unread: [] };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // Any archive may hold an index.json of its own.
    const { file, message: why } = error;
    return { image: null, unread: isLayout ? [{ side, file, why }] : [] };
  }
}

function imageOf(files: readonly File[]): Image {
  const { manifests } = read(Index, files, 'index.json');
  const [descriptor] = manifests;
  if (descriptor === undefined || manifests.length > 1) {
    throw new ImageError(
      'index.json',
      `names ${manifests.length} images, and one of a single platform is read`,
    );
  }
  const manifestPath = blobOf('index.json', descriptor.digest);
  const manifest = read(Manifest, files, manifestPath);
  const config = read(Config, files, blobOf(manifestPath, manifest.config.digest));
  const layers = manifest.layers.map(({ digest }) => digest);
  const said = { ...config.config?.Labels, ...manifest.annotations };
  const named = [
    said['org.opencontainers.image.base.name'],
    said['org.opencontainers.image.base.digest'],
  ].filter((text) => text !== undefined && text !== '');
  const { User: user = '', Entrypoint: entry, Cmd: command } = config.config ?? {};
  const runs = `${user || 'root'}: ${[...(entry ?? []), ...(command ?? [])].join(' ')}`;
  return {
    layers,
    base: shortened(named.length === 0 ? (layers[0] ?? '') : named.join('@'), maxTextLength),
    runs: shortened(runs, maxTextLength),
  };
}

function blobOf(namedBy: string, digest: string): string {
  const path = digest.replace(/^sha256:/, 'blobs/sha256/');
  if (!blobPath.test(path)) throw new ImageError(namedBy, 'names a document by no SHA-256');
  return path;
}

/** A blob counts only with the digest that it is called by: a tool that unpacks it takes nothing else. */
function read<Value>(shape: z.ZodType<Value>, files: readonly File[], path: string): Value {
  const found = files.find((file) => file.path === path);
  if (found === undefined) {
    throw new ImageError(path, `is missing or has more than ${maxImageDocumentBytes} bytes`);
  }
  const { bytes } = found;
  if (bytes === null) throw new ImageError(path, 'comes after more than what is read');
  if (blobPath.test(path) && !path.endsWith(`/${sha256Hex(bytes)}`)) {
    throw new ImageError(path, 'is not what it is called by');
  }
  try {
    const parsed = shape.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    if (parsed.success) return parsed.data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new ImageError(path, 'is not written as an image’s documents are');
}
