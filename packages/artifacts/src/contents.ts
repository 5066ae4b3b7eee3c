/** What a kept artifact holds, for people to see what a release changes: its members and the text of a few of them. */
import { ArchiveError } from './archive-error.ts';
import { type ArchiveEntry, type ArchiveLimits, openArchive, readEntries } from './archive.ts';
import type { ContentStore } from './content-store.ts';
import type { TarMember } from './tar.ts';
import type { MemberSink } from './tar-blocks.ts';
import { positionalChunks } from './verified-read.ts';

export type PickedFile = {
  readonly path: string;
  /** Null where it, or what was picked for the same reason before it, is longer than what is kept in memory. */
  readonly bytes: Buffer | null;
};

export type ArtifactContents = {
  /** Of the artifact as it is kept, in bytes. */
  readonly size: number;
  /** `file`: neither tar nor tar.gz, so that it has no members. */
  readonly kind: 'archive' | 'file';
  /** In the archive's order. */
  readonly entries: readonly ArchiveEntry[];
  readonly picked: readonly PickedFile[];
  /** Why nothing of it is known: it is no whole archive, or larger than what is looked through. */
  readonly unread: string | null;
};

export type ContentsQuestion = {
  readonly limits: ArchiveLimits;
  /** What files' bytes are wanted for; each reason has bytes of its own, and the first that wants a file has it. */
  readonly picks: readonly {
    readonly wants: (path: string, size: number) => boolean;
    /** Most bytes of all files that are picked for it. */
    readonly maxBytes: number;
  }[];
};

/**
 * Reads a kept artifact once, from the descriptor that was hashed. Nothing is unpacked.
 *
 * @throws ArtifactError `artifact-missing`, `artifact-corrupt`; what it holds is never a reason to throw.
 */
export async function readStoredContents(
  store: Pick<ContentStore, 'openVerified'>,
  digest: string,
  question: ContentsQuestion,
): Promise<ArtifactContents> {
  const { handle, size } = await store.openVerified(digest);
  try {
    return { size, ...(await readContents(positionalChunks(handle), question)) };
  } catch (cause) {
    if (!(cause instanceof ArchiveError)) throw cause;
    return { size, kind: 'archive', entries: [], picked: [], unread: cause.message };
  } finally {
    await handle.close();
  }
}

async function readContents(
  source: AsyncIterable<Uint8Array>,
  { limits, picks }: ContentsQuestion,
): Promise<Omit<ArtifactContents, 'size'>> {
  const { kind, reader } = await openArchive(source, limits);
  try {
    if (kind === 'other') return { kind: 'file', entries: [], picked: [], unread: null };
    const picked: PickedFile[] = [];
    const reasons = picks.map(({ wants, maxBytes }) => ({ wants, left: maxBytes }));
    const sinkOf = ({ path, size }: TarMember): MemberSink | null => {
      const reason = reasons.find(({ wants }) => wants(path, size));
      if (reason === undefined) return null;
      if (size > reason.left) {
        picked.push({ path, bytes: null });
        return null;
      }
      reason.left -= size;
      const chunks: Buffer[] = [];
      return {
        // Copied, because a chunk holds good until the next one only.
        chunk: (bytes) => void chunks.push(Buffer.from(bytes)),
        end: () => void picked.push({ path, bytes: Buffer.concat(chunks) }),
      };
    };
    const entries = await readEntries(reader, limits, sinkOf);
    return { kind: 'archive', entries, picked, unread: null };
  } finally {
    await reader.close();
  }
}
