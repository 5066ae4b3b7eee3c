import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const dist = join(import.meta.dirname, '../../dist');
const files = globSync('*/*.mjs', { cwd: dist });

test('bundles are of ASCII alone: one other character, and V8 keeps two bytes for each of a file', () => {
  for (const service of ['nonprod', 'prod-gate', 'runner', 'signer', 'rebuilder', 'hook-relay']) {
    assert.ok(files.some((file) => file.startsWith(`${service}/`)));
  }
  const others = files.filter((file) => readFileSync(join(dist, file)).some((byte) => byte > 127));
  assert.deepEqual(others, [], 'write the character as \\u in its regular expression');
});

test('no process loads what fetch is made of because it imports node:http', () => {
  const show =
    'process.on("exit",()=>process.stdout.write(String(process.moduleLoadList.filter((name)=>name.endsWith("deps/undici/undici")).length)))';
  for (const file of ['nonprod/outbox.mjs', 'signer/signer.mjs', 'prod-gate/authority.mjs']) {
    const { stdout } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${show}`, join(dist, file), '--config', '/nonexistent'],
      { encoding: 'utf8' },
    );
    assert.match(stdout, /0$/, file);
  }
});

test('each bundle begins with what keeps V8’s young generation below 4 MiB, whatever is allocated', () => {
  const beginning = /^import [^;]+ from 'node:v8'; __setV8Flags\('[^']+'\);/;
  const beginnings = new Set(
    files.map((file) => beginning.exec(readFileSync(join(dist, file), 'utf8'))?.[0]),
  );
  assert.equal(beginnings.size, 1);
  const [first = ''] = beginnings;
  const program = `
    ${first}
    import { getHeapSpaceStatistics } from 'node:v8';
    let kept = [];
    let least = Infinity;
    for (let round = 0; round < 50; round += 1) {
      kept = Array.from({ length: 20_000 }, (_, at) => ({ at, more: [at] }));
      const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
      // What it has grown to stays; what is told while it is collected is more for a moment.
      if (round >= 25) least = Math.min(least, young.space_size);
    }
    console.log(least);`;
  const run = ['--input-type=module', '--eval', program];
  const bytes = Number(execFileSync(process.execPath, run, { encoding: 'utf8' }));
  assert.ok(bytes > 0 && bytes < 4 * 2 ** 20, `${bytes} bytes`);
});
