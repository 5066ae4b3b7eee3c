/**
 * The `.git` of a job's work tree: one commit with its files, without history, so that `git describe`, `git status`, `git
 * diff` and what a compiler asks git for work as in a clone of depth 1.
 *
 * No git runs for it. Every object was hashed here under the name that the commit gives it, so that nothing in it rests on
 * the word of whoever sent the source.
 */
import type { FileHandle } from 'node:fs/promises';
import { objectId, objectOf, type Directory, type File } from '../git-tree.ts';
import type { SourceArchive } from '../source-tree.ts';
import { indexFile } from './index-file.ts';
import { maxPackBytes, writePack, type PackObject } from './pack.ts';
import { createTarWriter } from './tar-writer.ts';

export type Checkout = {
  /** 40 lower-case hexadecimal digits. */
  readonly commit: string;
  /** The commit as git hashes it. */
  readonly object: Buffer;
  /** Full ref that was built, such as refs/heads/main; what is no branch leaves HEAD detached. */
  readonly ref: string;
  /** Of the remote `origin`; steps cannot reach it. */
  readonly url: string;
  /** False: files of the commit are in the work tree and not in `.git`. */
  readonly withFiles: boolean;
};

/** What is wrong with a commit that was sent with a source, one sentence; null when it is the commit of that source. */
export function checkoutFault({ commit, object }: Checkout, tree: string): string | null {
  if (objectId('commit', object).toString('hex') !== commit) {
    return `what was sent as commit ${commit} is another object`;
  }
  const named = /^tree ([0-9a-f]{40})\n/.exec(object.toString('latin1', 0, 46))?.[1];
  return named === tree
    ? null
    : `the archive holds tree ${tree}, and commit ${commit} names ${named ?? 'none'}`;
}

/**
 * Adds `.git` to a source archive on this machine, in place of its end.
 *
 * @param file the archive, open for reading and writing.
 */
export async function appendGitDirectory(
  file: FileHandle,
  { root, source, endsAt }: SourceArchive,
  { checkout, now }: { checkout: Checkout; now: Date },
): Promise<void> {
  const tar = createTarWriter(file, { at: endsAt, time: source.time });
  for (const name of ['', 'objects/', 'objects/pack/', 'objects/info/', 'refs/', 'refs/heads/']) {
    await tar.directory(`.git/${name}`);
  }
  const { commit, object } = checkout;
  await tar.file('.git/HEAD', Buffer.from(headOf(checkout)));
  await tar.file('.git/config', Buffer.from(configOf(checkout)));
  await tar.file('.git/packed-refs', Buffer.from(packedRefs(checkout)));
  if (/^parent /m.test(object.toString('latin1').split('\n\n', 1)[0] ?? '')) {
    await tar.file('.git/shallow', Buffer.from(`${commit}\n`));
  }
  const pack = await tar.fileOfUnknownSize('.git/objects/pack/pack-airlock.pack', (write) =>
    writePack(objectsOf(file, root, checkout), write),
  );
  await tar.file('.git/objects/pack/pack-airlock.idx', pack.index);
  // Git trusts an index that is later than the files, and looks into files that were changed within the same second.
  const seconds = Math.floor(now.getTime() / 1000);
  await tar.file('.git/index', indexFile(root, source.time), seconds);
  await tar.end();
}

/** Commit, trees, and what the work tree's files are made of. */
function objectsOf(file: FileHandle, root: Directory, checkout: Checkout): PackObject[] {
  const objects = new Map<string, PackObject>();
  const add = (object: PackObject): void => {
    objects.set(object.id.toString('hex'), object);
  };
  add({
    type: 'commit',
    id: Buffer.from(checkout.commit, 'hex'),
    size: checkout.object.length,
    content: () => checkout.object,
  });
  objectOf(root, ({ id, content }) => {
    add({ type: 'tree', id, size: content.length, content: () => content });
  });
  const withFiles = checkout.withFiles && bytesOf(root) < maxPackBytes * 0.9;
  addFiles(root, ({ id, size, content }) => {
    // Git reads what a link leads to when it looks whether the link changed.
    if (!withFiles && typeof content === 'number') return;
    add({
      ...{ type: 'blob', id, size },
      content: () => (typeof content === 'number' ? read(file, content, size) : content),
    });
  });
  return [...objects.values()];
}

function addFiles(root: Directory, add: (file: File) => void): void {
  for (const entry of root.values()) {
    if (entry instanceof Map) addFiles(entry, add);
    else add(entry);
  }
}

const bytesOf = (root: Directory): number =>
  [...root.values()].reduce(
    (sum, entry) => sum + (entry instanceof Map ? bytesOf(entry) : entry.size),
    0,
  );

async function read(file: FileHandle, at: number, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await file.read(bytes, done, size - done, at + done);
    if (bytesRead === 0) throw new RangeError('a source archive became shorter');
    done += bytesRead;
  }
  return bytes;
}

/** Names that git takes (git-check-ref-format(1)), and no others: one that it does not would make it refuse all of `.git`. */
function isRef(ref: string): boolean {
  return (
    /^refs\/(?:heads|tags)\/[^\s\p{Cc}~^:?*[\\]+$/u.test(ref) &&
    !/\.\.|@\{|\/\/|\/\.|\.$|\/$|\.lock(?:\/|$)/.test(ref)
  );
}

function headOf({ ref, commit }: Checkout): string {
  return ref.startsWith('refs/heads/') && isRef(ref) ? `ref: ${ref}\n` : `${commit}\n`;
}

function packedRefs({ ref, commit }: Checkout): string {
  if (!isRef(ref)) return '# pack-refs with: peeled fully-peeled sorted\n';
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  const refs = branch === undefined ? [ref] : [ref, `refs/remotes/origin/${branch}`];
  return [
    '# pack-refs with: peeled fully-peeled sorted',
    ...refs.sort().map((name) => `${commit} ${name}`),
    '',
  ].join('\n');
}

function configOf({ url }: Checkout): string {
  const quoted = url.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tcheckStat = minimal
\ttrustctime = false
[remote "origin"]
\turl = "${quoted}"
\tfetch = +refs/heads/*:refs/remotes/origin/*
`;
}
