/**
 * The container image that an artifact holds as an OCI image layout
 * (https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md), read from its documents as far as people decide
 * by it: what it builds on, its layers, and as whom it runs what. Documents come out of a build and are read as hostile text.
 */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { z } from 'zod';

/** Largest document of an image that is read, in bytes. */
export const maxImageDocumentBytes = 256 * 1024;
const maxLayers = 512;
const maxTextLength = 300;

/** Whether a file of an artifact may be a document of its image. */
export function isImageDocument(path: string, size: number): boolean {
  return (path === 'index.json' || blobPath.test(path)) && size <= maxImageDocumentBytes;
}

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
});
export type ImageDelta = z.infer<typeof ImageDelta>;

type Image = { readonly base: string; readonly runs: string; readonly layers: readonly string[] };
type File = { readonly path: string; readonly bytes: Uint8Array | null };

/** @returns undefined where neither artifact holds an image of one platform. */
export function imageDelta(
  before: readonly File[],
  after: readonly File[],
): ImageDelta | undefined {
  const [was, is] = [imageOf(before), imageOf(after)];
  if (was === null && is === null) return undefined;
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
  const { layersBefore, layersAfter, layersKept } = delta;
  return {
    ...{ baseBefore, baseAfter, runsBefore, runsAfter },
    ...{ layersBefore, layersAfter, layersKept },
  };
}

const Descriptor = z.looseObject({ digest: z.string() });
const Annotations = z.record(z.string(), z.string()).optional();
const Index = z.looseObject({ manifests: z.array(Descriptor).length(1) });
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

function imageOf(files: readonly File[]): Image | null {
  const index = read(Index, files.find(({ path }) => path === 'index.json')?.bytes ?? null);
  const manifest = read(Manifest, index === null ? null : blob(files, index.manifests[0]?.digest));
  const config = read(Config, manifest === null ? null : blob(files, manifest.config.digest));
  if (manifest === null || config === null) return null;
  const layers = manifest.layers.map(({ digest }) => digest);
  const said = { ...config.config?.Labels, ...manifest.annotations };
  const named = [
    said['org.opencontainers.image.base.name'],
    said['org.opencontainers.image.base.digest'],
  ].filter((text) => text !== undefined && text !== '');
  const { User: user = '', Entrypoint: entry, Cmd: command } = config.config ?? {};
  return {
    layers,
    base: line(named.length === 0 ? (layers[0] ?? '') : named.join('@')),
    runs: line(`${user || 'root'}: ${[...(entry ?? []), ...(command ?? [])].join(' ')}`),
  };
}

/** Only what has the digest that it is called by: a tool that unpacks it takes nothing else. */
function blob(files: readonly File[], digest: string | undefined): Uint8Array | null {
  const hex = digest?.replace(/^sha256:/, '');
  const bytes = files.find(({ path }) => path === `blobs/sha256/${hex}`)?.bytes ?? null;
  return bytes !== null && sha256Hex(bytes) === hex ? bytes : null;
}

function read<Value>(shape: z.ZodType<Value>, bytes: Uint8Array | null): Value | null {
  if (bytes === null) return null;
  try {
    const parsed = shape.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function line(text: string): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return cut.toWellFormed().replace(/\p{Cc}/gu, '\uFFFD');
}
