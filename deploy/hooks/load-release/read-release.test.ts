import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readRelease } from './read-release.ts';

const commit = 'c0ffee'.padEnd(40, '0');
const good = {
  'release.json': `{"commit":"${commit}","products":2}\n`,
  'products.json': JSON.stringify([
    { sku: 'bolt-m6', name: 'Bolt M6', price_cents: 12 },
    { sku: 'nut-m6', name: 'Nut "M6"', price_cents: 0 },
  ]),
};

/** Made by the system's tar, as the pipeline makes it. */
function archive(
  files: Readonly<Record<string, string>>,
  link?: { name: string; to: string },
): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'read-release-'));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(directory, name), content);
    if (link !== undefined) symlinkSync(link.to, join(directory, link.name));
    const names = [...Object.keys(files), ...(link === undefined ? [] : [link.name])];
    return gzipSync(execFileSync('tar', ['-C', directory, '-cf', '-', ...names]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("the pipeline's archive is read", () => {
  assert.deepEqual(readRelease(archive(good)), {
    commit,
    products: [
      { sku: 'bolt-m6', name: 'Bolt M6', priceCents: 12 },
      { sku: 'nut-m6', name: 'Nut "M6"', priceCents: 0 },
    ],
  });
});

test('an SBOM beside them is passed over, whatever it says', () => {
  assert.equal(readRelease(archive({ ...good, 'bom.json': '?' })).commit, commit);
});

test('a link, a member with a path and a member too many are refused', () => {
  assert.throws(
    () => readRelease(archive(good, { name: 'x', to: '/etc/passwd' })),
    /E_ARCHIVE_PATH/,
  );
  assert.throws(() => readRelease(archive({ ...good, 'more.json': '{}' })), /more.json/);
  const renamed = gunzipSync(archive(good));
  renamed.write('../release.jso\0', 0, 'latin1');
  let sum = 0;
  for (let index = 0; index < 512; index += 1) {
    sum += index >= 148 && index < 156 ? 0x20 : (renamed[index] ?? 0);
  }
  renamed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  assert.throws(() => readRelease(gzipSync(renamed)), /E_ARCHIVE_PATH/);
});

test('a damaged header and a cut archive are refused', () => {
  const tar = gunzipSync(archive(good));
  const flipped = Buffer.from(tar);
  flipped[10] = (flipped[10] ?? 0) ^ 1;
  assert.throws(() => readRelease(gzipSync(flipped)), /damaged/);
  assert.throws(() => readRelease(gzipSync(tar.subarray(0, 540))), /ends inside/);
});

test('a product without a price, with half a cent, or twice is refused by its place', () => {
  const products = (list: unknown[]): Buffer =>
    archive({
      'release.json': JSON.stringify({ commit, products: list.length }),
      'products.json': JSON.stringify(list),
    });
  const bolt = { sku: 'bolt', name: 'Bolt', price_cents: 1 };
  assert.throws(
    () => readRelease(products([{ sku: 'a', name: 'A' }])),
    /products.json\[0\]: price_cents/,
  );
  assert.throws(
    () => readRelease(products([bolt, { ...bolt, price_cents: 0.5 }])),
    /products.json\[1\]/,
  );
  assert.throws(() => readRelease(products([bolt, bolt])), /twice/);
});

test('an archive that unpacks to more than 64 MiB is refused before it fills memory', () => {
  assert.throws(
    () => readRelease(gzipSync(Buffer.alloc(65 * 1024 * 1024))),
    /larger than|ERR_BUFFER/,
  );
});
