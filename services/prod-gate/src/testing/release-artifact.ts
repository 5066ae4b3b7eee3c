import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** The commit that the artifact says it was built from. */
export const releaseCommit = 'c0ffee'.padEnd(40, '0');

/** What the demo's pipeline makes: a gzip'd tar with products.json and release.json. */
export function makeReleaseArtifact(): { bytes: Buffer; sha256: string } {
  const header = (name: string, size: number): Buffer => {
    const block = Buffer.alloc(512);
    block.write(name, 0);
    block.write('0000644\0', 100);
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
    block.write('        ', 148);
    block.write('0', 156);
    block.write('ustar\x0000', 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return block;
  };
  const members = {
    'products.json': JSON.stringify([
      { sku: 'bolt-m6', name: 'Bolt M6', price_cents: 12 },
      { sku: 'nut-m6', name: 'Nut M6', price_cents: 7 },
    ]),
    'release.json': JSON.stringify({ commit: releaseCommit, products: 2 }),
  };
  const tar = Buffer.concat([
    ...Object.entries(members).flatMap(([name, content]) => {
      const bytes = Buffer.from(content);
      return [header(name, bytes.length), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
    }),
    Buffer.alloc(1024),
  ]);
  const bytes = gzipSync(tar);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}
