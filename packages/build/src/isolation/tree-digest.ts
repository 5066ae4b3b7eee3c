import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * SHA-256 (hex) over a directory tree: for each entry, sorted by path as bytes, its kind, permission bits, path, and what is
 * in it (a file's SHA-256, a link's text). Owners and times are left out, so that the same archive unpacked by two people
 * gives the same digest; devices, pipes and sockets count by their kind alone.
 */
export async function treeDigest(directory: string): Promise<string> {
  const hash = createHash('sha256');
  await addEntries(hash, directory, '');
  return hash.digest('hex');
}

async function addEntries(
  hash: ReturnType<typeof createHash>,
  root: string,
  path: string,
): Promise<void> {
  const names = await readdir(join(root, path));
  names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const name of names) {
    const inside = path === '' ? name : `${path}/${name}`;
    const full = join(root, inside);
    const facts = await lstat(full);
    const mode = (facts.mode & 0o7777).toString(8);
    // A NUL stands in no name, so that no two trees have the same listing.
    const add = (kind: string, content: string): void => {
      hash.update(`${kind}\0${mode}\0${inside}\0${content}\0`);
    };
    if (facts.isDirectory()) {
      add('directory', '');
      await addEntries(hash, root, inside);
    } else if (facts.isSymbolicLink()) add('link', await readlink(full));
    else if (facts.isFile()) add('file', await fileDigest(full));
    else add('other', '');
  }
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}
