import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { buildInWords, bundleDigest, readBuild, thisBuild, version } from './build.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-build-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});

test('the version is the one of the package', () => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  assert.equal((JSON.parse(text) as { version: string }).version, version);
});

test('a checkout says that it is one', () => {
  assert.equal(buildInWords(thisBuild()), `${version}, from source`);
});

test('a bundle says its commit and digest, which sha256sum finds as well', () => {
  writeFileSync(join(directory, 'web.mjs'), 'one');
  writeFileSync(join(directory, 'chunk-B.mjs'), 'two');
  writeFileSync(join(directory, 'z.wasm'), 'three');
  writeFileSync(join(directory, 'web.mjs.map'), 'does not run');
  const digest = bundleDigest(directory);
  const listed = 'sha256sum *.mjs *.wasm | LC_ALL=C sort -k 2 | sha256sum | cut -d" " -f1';
  const measured = execFileSync('sh', ['-c', listed], { cwd: directory, encoding: 'utf8' });
  assert.equal(digest, `sha256:${measured.trim()}`);
  writeFileSync(join(directory, 'build.json'), JSON.stringify({ commit: 'abc', digest }));
  assert.equal(buildInWords(readBuild(directory)), `${version}, commit abc, build ${digest}`);
  writeFileSync(join(directory, 'chunk-B.mjs'), 'owt');
  assert.notEqual(bundleDigest(directory), digest);
});

test('damaged facts are an accident and no build', () => {
  writeFileSync(join(directory, 'build.json'), '{"commit":"abc"}');
  assert.throws(() => readBuild(directory), /digest/);
});
