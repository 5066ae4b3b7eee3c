/** Looks into an artifact before anybody is asked to approve it. Nothing is unpacked: what is wrong is said by a code. */
import { createHash } from 'node:crypto';
import { ArchiveError, type ArchiveErrorCode } from './archive-error.ts';
import { type ArchiveLimits, defaultArchiveLimits, openArchive } from './archive.ts';
import type { ContentStore } from './content-store.ts';
import type { ByteReader } from './byte-reader.ts';
import {
  createOciDocuments,
  maxDocumentBytes,
  type OciCode,
  type OciDocuments,
} from './oci-documents.ts';
import { readTar } from './tar.ts';
import { positionalChunks } from './verified-read.ts';

export type ArtifactRefusal = {
  readonly code: ArchiveErrorCode | OciCode;
  /** What is wrong and where, for people. */
  readonly detail: string;
};

/**
 * Judges an artifact by its content: every member of a tar or tar.gz, and the documents of a container image, in an archive
 * or by themselves. What is neither (also zip, xz, zstd) is passed as it is; what is compressed is decompressed to its end.
 *
 * @param artifact.name as the provenance calls it, for the message; it decides nothing.
 * @returns null when nothing speaks against it.
 * @throws what the source throws.
 */
export async function inspectArtifact(
  source: AsyncIterable<Uint8Array>,
  { name, limits = defaultArchiveLimits }: { name: string; limits?: ArchiveLimits },
): Promise<ArtifactRefusal | null> {
  try {
    return await inspect(source, name, limits);
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause;
    return { code: cause.code, detail: `${name}: ${cause.message}` };
  }
}

/** The same for an artifact that is kept. @throws ArtifactError as `openVerified` does. */
export async function inspectStored(
  store: Pick<ContentStore, 'openVerified'>,
  artifact: { digest: string; name: string },
): Promise<ArtifactRefusal | null> {
  const { handle } = await store.openVerified(artifact.digest);
  try {
    return await inspectArtifact(positionalChunks(handle), artifact);
  } finally {
    await handle.close();
  }
}

async function inspect(
  source: AsyncIterable<Uint8Array>,
  name: string,
  limits: ArchiveLimits,
): Promise<ArtifactRefusal | null> {
  const { kind, reader } = await openArchive(source, limits);
  try {
    const documents = createOciDocuments();
    if (kind === 'tar') await inspectMembers(reader, name, limits, documents);
    else await inspectSingle(reader, name, documents);
    return documents.fault();
  } finally {
    await reader.close();
  }
}

async function inspectMembers(
  reader: ByteReader,
  name: string,
  limits: ArchiveLimits,
  documents: OciDocuments,
): Promise<void> {
  await readTar(reader, limits, (member) => {
    if (member.size === 0 || member.size > maxDocumentBytes) return null;
    const chunks: Buffer[] = [];
    let isCandidate: boolean | null = null;
    return {
      chunk: (bytes) => {
        // By its first bytes and not by its name, because a layout may lie anywhere in an archive.
        isCandidate ??= mayBeginDocument(bytes);
        if (isCandidate) chunks.push(bytes);
      },
      end: () => {
        if (isCandidate === true) add(documents, `${name}: ${member.path}`, Buffer.concat(chunks));
      },
    };
  });
}

async function inspectSingle(
  reader: ByteReader,
  name: string,
  documents: OciDocuments,
): Promise<void> {
  const start = await reader.peek(maxDocumentBytes + 1);
  if (start.length <= maxDocumentBytes) add(documents, name, start);
  // To its end, because only that shows whether its compression is whole and bounded.
  while ((await reader.take(1 << 20)) !== null);
}

function add(documents: OciDocuments, name: string, body: Buffer): void {
  if (!mayBeginDocument(body)) return;
  documents.add(name, createHash('sha256').update(body).digest('hex'), body);
}

/** White space, a byte order mark, the brace: by hand, because a regular expression would want all of it as text. */
function mayBeginDocument(bytes: Buffer): boolean {
  const first = bytes.find((byte) => !passedOver.has(byte));
  return first === undefined || first === 0x7b;
}

const passedOver: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
