/**
 * Reads the JSON documents of a container image as an image tool would, to refuse those that two tools read differently
 * (CVE-2021-41190: a body that is a manifest and an index) and those that send a tool elsewhere for a layer.
 */
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseStrictJson,
} from '@airlock/common/encoding/strict-json';
import { decodeUtf8 } from '@airlock/common/encoding/utf8';
import { EncodingError } from '@airlock/common/encoding/encoding-error';

export type OciCode = 'E_OCI_MEDIATYPE' | 'E_OCI_URLS';
export type OciFault = { readonly code: OciCode; readonly detail: string };

/** Largest document that is read as one, in bytes: what registries accept as a manifest. */
export const maxDocumentBytes = 4 * 1024 * 1024;

const indexTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const manifestTypes: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
/** Layers of these kinds are fetched from wherever the manifest says (OCI image-spec, "Non-Distributable Layers"). */
const foreignLayer =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/;

/** Collects the documents of one artifact, then says what is wrong with them together. */
export type OciDocuments = {
  /** @param name how the document is called in a message. @param digest SHA-256 of `body`, hex. */
  add(name: string, digest: string, body: Buffer): void;
  /** The first fault in order of adding; null when there is none. */
  fault(): OciFault | null;
};

/** No manifest nests deeper than its annotations. */
const maxDepth = 32;

type Shape = 'index' | 'manifest';

export function createOciDocuments(): OciDocuments {
  const faults: OciFault[] = [];
  /** What a blob is, by its digest. */
  const shapes = new Map<string, { name: string; shape: Shape; mediaType: string | null }>();
  const promised: { by: string; digest: string; mediaType: string }[] = [];

  return {
    add(name, digest, body) {
      const document = readDocument(body);
      if (document === null) return;
      if (document === 'ambiguous') {
        faults.push(mediaType(name, 'is read differently by two JSON readers'));
        return;
      }
      const shape = shapeOf(document);
      if (typeof shape !== 'string') {
        faults.push(mediaType(name, shape.wrong));
        return;
      }
      const { mediatype: type } = document;
      shapes.set(`sha256:${digest}`, {
        name,
        shape,
        mediaType: typeof type === 'string' ? type : null,
      });
      for (const descriptor of descriptorsOf(document)) {
        faults.push(...descriptorFaults(name, descriptor));
        const { digest: of, mediatype: said } = descriptor;
        if (typeof of === 'string' && typeof said === 'string') {
          promised.push({ by: name, digest: of, mediaType: said });
        }
      }
    },
    fault() {
      if (faults[0] !== undefined) return faults[0];
      for (const { by, digest, mediaType: said } of promised) {
        const found = shapes.get(digest);
        if (found === undefined) continue;
        const isOther =
          found.mediaType === null ? shapeOfType(said) !== found.shape : found.mediaType !== said;
        if (isOther) {
          return mediaType(
            by,
            `says that ${found.name} is ${said}, and it is ${found.mediaType ?? `an image ${found.shape}`}`,
          );
        }
      }
      return null;
    },
  };
}

function looksLikeOci(document: JsonObject): boolean {
  const { mediatype: type } = document;
  if (typeof type === 'string' && shapeOfType(type) !== null) return true;
  if (document['schemaversion'] === 2 && ('manifests' in document || 'layers' in document)) {
    return true;
  }
  return ['manifests', 'layers'].some((key) => {
    const list = document[key];
    return Array.isArray(list) && list.some((item) => isJsonObject(item) && 'digest' in item);
  });
}

function shapeOf(document: JsonObject): Shape | { wrong: string } {
  const isIndex = 'manifests' in document;
  const isManifest = 'layers' in document || 'config' in document;
  if (isIndex && isManifest) return { wrong: 'is an image manifest and an image index at once' };
  const shape: Shape = isIndex ? 'index' : 'manifest';
  const { mediatype: type } = document;
  if (type === undefined) return shape;
  if (typeof type !== 'string') return { wrong: 'has a mediaType that is no text' };
  // An artifact manifest of another type is none of our business as long as it does not claim to be the other of the two.
  const said = shapeOfType(type);
  return said === null || said === shape
    ? shape
    : { wrong: `says that it is ${type}, and is an image ${shape}` };
}

function shapeOfType(type: string): Shape | null {
  return indexTypes.has(type) ? 'index' : manifestTypes.has(type) ? 'manifest' : null;
}

function descriptorsOf(document: JsonObject): JsonObject[] {
  const listed = ['manifests', 'layers', 'blobs'].flatMap((key) => {
    const list = document[key];
    return Array.isArray(list) ? list : [];
  });
  return [...listed, document['config'], document['subject']]
    .filter((item) => isJsonObject(item))
    .map((item) => foldKeys(item) ?? {});
}

function descriptorFaults(name: string, descriptor: JsonObject): OciFault[] {
  const { urls, mediatype: type } = descriptor;
  if (urls !== undefined && !(Array.isArray(urls) && urls.length === 0)) {
    return [
      {
        code: 'E_OCI_URLS',
        detail: `${name} has a blob fetched from ${JSON.stringify(urls).slice(0, 200)}`,
      },
    ];
  }
  if (typeof type === 'string' && foreignLayer.test(type)) {
    return [
      {
        code: 'E_OCI_URLS',
        detail: `${name} has a layer of type ${type}, which is fetched from elsewhere`,
      },
    ];
  }
  return [];
}

function mediaType(name: string, what: string): OciFault {
  return { code: 'E_OCI_MEDIATYPE', detail: `${name} ${what}` };
}

/**
 * Null for what no image tool would take for a manifest or an index; `ambiguous` for one that two tools may read
 * differently: a key twice, or in two spellings (Go's JSON reader takes `Layers` for `layers`), or text that is not UTF-8.
 */
function readDocument(body: Buffer): JsonObject | 'ambiguous' | null {
  let lenient: unknown;
  try {
    lenient = JSON.parse(body.toString('utf8').replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  // What JSON.parse gives is JSON.
  const value = lenient as JsonValue;
  if (!isJsonObject(value)) return null;
  const folded = foldKeys(value);
  if (folded !== null && !looksLikeOci(folded)) return null;
  if (folded === null) return looksLikeOci(lastKeys(value)) ? 'ambiguous' : null;
  try {
    parseStrictJson(decodeUtf8(body), maxDepth);
  } catch (cause) {
    if (cause instanceof EncodingError) return 'ambiguous';
    throw cause;
  }
  return descriptorsAreClear(folded) ? folded : 'ambiguous';
}

const descriptorsAreClear = (document: JsonObject): boolean =>
  ['manifests', 'layers', 'blobs', 'config', 'subject']
    .flatMap((key) => document[key] ?? [])
    .every((item) => !isJsonObject(item) || foldKeys(item) !== null);

/** Keys as a reader knows them that does not tell upper from lower case; null when two of them are then the same. */
function foldKeys(value: JsonObject): JsonObject | null {
  const folded = lastKeys(value);
  return Object.keys(folded).length === Object.keys(value).length ? folded : null;
}

const lastKeys = (value: JsonObject): JsonObject =>
  Object.fromEntries(
    // Upper first, because of ſ, which Go takes for s.
    Object.entries(value).map(([key, item]) => [key.toUpperCase().toLowerCase(), item]),
  );
