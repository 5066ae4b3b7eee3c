import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { machineImage } from './machine-image.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-machine-'));
after(() => {
  rmSync(root, { recursive: true });
});

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

test('this machine has an image, and it is the same when asked again', async () => {
  const image = await machineImage(process.execPath);
  assert.match(image.digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(await machineImage(process.execPath), image);
  assert.match(image.listing, /\nnode [0-9a-f]{64}\n$/);
  assert.match(image.listing, /^(package \S+ \S+ \S+|program \/usr\/bin\/\S+ \d+)$/m);
});

const tar = 'Package: tar\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.34\n';
const gone = 'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n';

test('an update, a new package and a new program change it; the order of the database does not', async () => {
  write('etc/os-release', 'ID=debian\nVERSION_ID="12"\nBUG_REPORT_URL=x\n');
  const seen = new Map<string, string>();
  const look = async (what: string, status: string): Promise<string> => {
    write('var/lib/dpkg/status', status);
    const { digest } = await machineImage(null, root);
    seen.set(what, digest);
    return digest;
  };
  const gzip = tar.replaceAll('tar', 'gzip');
  const first = await look('both', `${tar}\n${gzip}\n`);
  assert.equal(await look('both', `${gzip}\n${tar}\n${gone}`), first);
  await look('one', `${tar}\n`);
  await look('updated', `${tar.replace('1.34', '1.35')}\n${gzip}`);
  write('usr/local/bin/cc', '#!/bin/sh\n');
  await look('a program', `${tar}\n${gzip}\n`);
  write('usr/local/bin/cc', '#!/bin/sh\necho\n');
  await look('another program of that name', `${tar}\n${gzip}\n`);
  write('etc/os-release', 'ID=debian\nVERSION_ID="13"\n');
  await look('another distribution', `${tar}\n${gzip}\n`);
  assert.equal(new Set(seen.values()).size, seen.size);
});

test('a machine without a package database is known by its programs', async () => {
  rmSync(join(root, 'var'), { recursive: true });
  write('usr/bin/tar', 'x');
  symlinkSync('nowhere', join(root, 'usr/bin/dangling'));
  const { listing } = await machineImage(null, root);
  assert.ok(listing.includes('program /usr/bin/tar 1\n'), listing);
  assert.ok(!listing.includes('dangling'));
  write(
    'lib/apk/db/installed',
    'C:Q1\nP:tar\nV:1.35-r2\nA:x86_64\n\nP:gzip\nV:1.13-r0\nA:x86_64\n',
  );
  assert.match(
    (await machineImage(null, root)).listing,
    /package gzip 1\.13-r0 x86_64\npackage tar/,
  );
});
