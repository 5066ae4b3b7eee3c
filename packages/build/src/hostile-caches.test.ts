import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { planStep } from '@airlock/common/testing/plans';
import { probeSandbox } from '@airlock/sandbox/probe';
import type { CacheStore } from './caches.ts';
import { noSecrets } from './environment.ts';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import { runBuild } from './run-build.ts';
import { createWorkspace } from './workspace.ts';

const probe = await probeSandbox();
const skip = probe.available ? false : `${probe.reason}; ${probe.remedy}`;
if (skip !== false && process.env['CI'] === 'true') assert.fail(skip);

const directory = join(process.cwd(), '.test');
let root: string;
before(() => {
  mkdirSync(directory, { recursive: true });
  root = mkdtempSync(join(directory, 'hostile-caches-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

interface Member {
  readonly name: string;
  /** As in the header: 0 file, 1 second name, 2 link, 3 device, 5 directory, 6 pipe, L name of the next. Default 0. */
  readonly type?: string;
  readonly link?: string;
  readonly mode?: number;
  readonly text?: string;
}

/** What GNU tar would not write. */
function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ name, type = '0', link = '', mode = 0o644, text = '' }) => {
    const header = Buffer.alloc(512);
    const octal = (value: number, length: number): string =>
      `${value.toString(8).padStart(length - 1, '0')}\0`;
    header.write(name.slice(0, 100), 0, 'latin1');
    header.write(octal(mode, 8), 100);
    header.write(octal(0, 8) + octal(0, 8), 108);
    header.write(octal(text.length, 12) + octal(0, 12), 124);
    header.write('        ', 148);
    header.write(type + link.slice(0, 100), 156, 'latin1');
    header.write('ustar\u000000', 257);
    header.write(octal(1, 8) + octal(3, 8), 329);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const content = Buffer.alloc(Math.ceil(text.length / 512) * 512);
    content.write(text, 'latin1');
    return [header, content];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const top: Member = { name: 'deps/all/', type: '5', mode: 0o755 };
const good: Member = { name: 'deps/all/x', text: 'from the cache' };

/** Builds with a store that answers every key with these bytes; the step says what it finds. */
async function restored(tar: Buffer): Promise<{ outcome: string; log: string }> {
  const workspace = await createWorkspace(root);
  const store: CacheStore = {
    fetch(_, to) {
      writeFileSync(to, tar);
      return Promise.resolve({ run: 12, level: 0, digest: 'a'.repeat(64) });
    },
    keep: () => Promise.resolve({ why: 'nothing is kept' }),
  };
  let log = '';
  try {
    const { outcome } = await runBuild({
      ...{ isolation: bubblewrapIsolation({ nodeBinary: null }), workspace },
      ...{ source: null, directory: null, commit: 'a'.repeat(40), services: [] },
      ...{ secretsOf: noSecrets, timeoutSeconds: 30 },
      steps: [
        planStep('source', {
          image: 'image',
          commands: ['echo mine > source; echo mine > run.sh'],
        }),
        planStep('only', {
          ...{ image: 'image', dependsOn: ['source'] },
          commands: [
            'echo "outside: $(find . -type f ! -path "./deps/*" ! -name ".*" | sort | tr "\\n" " ")"',
            'echo "source: $(cat source run.sh | sort -u)"',
            'echo "raised: $(find deps -perm /6000 2>/dev/null)"',
            'echo "inside: $(find deps/all 2>/dev/null | sort | tr "\\n" " ")"',
          ],
          caches: [{ path: 'deps/all', key: 'npm', files: [] }],
        }),
      ],
      artifact: null,
      caches: { store, maxBytes: 1_000_000 },
      signal: new AbortController().signal,
      cancelled: new AbortController().signal,
      now: () => new Date(),
      onOutput: (_, chunk) => {
        log += chunk.toString();
      },
    });
    return { outcome, log };
  } finally {
    await workspace.destroy();
  }
}

test('what is honest is restored, a name of 200 characters too', { skip }, async () => {
  const long = `deps/all/${'n'.repeat(200)}`;
  const { log } = await restored(
    tarOf([top, good, { name: '././@LongLink', type: 'L', text: `${long}\0` }, { name: long }]),
  );
  assert.match(log, /cache deps\/all: restored from build #12 \(level 0\)/);
  assert.ok(log.includes(`inside: deps/all ${long} deps/all/x \n`), log);
});

const hostile: readonly (readonly [what: string, members: readonly Member[], why: RegExp])[] = [
  [
    'a name that climbs',
    [top, { name: 'deps/all/../../source', text: 'theirs' }],
    /contains '\.\.'/,
  ],
  ['a link out', [top, { name: 'deps/all/out', type: '2', link: '/etc' }], /out of the workspace/],
  [
    'a link out that the next member goes through',
    [
      top,
      { name: 'deps/all/up', type: '2', link: '../..' },
      { name: 'deps/all/up/source', text: 'theirs' },
    ],
    /not restored: /,
  ],
  ['a link in its place', [{ name: 'deps/all', type: '2', link: '/usr' }], /it is no directory/],
  [
    'a second name of a file of the source',
    [top, { name: 'deps/all/same', type: '1', link: 'source' }],
    /a second name/,
  ],
  ['a device', [top, { name: 'deps/all/null', type: '3' }], /not restored: /],
  ['a pipe', [top, { name: 'deps/all/pipe', type: '6' }], /is no file, directory or link/],
  [
    'a file longer than the bound',
    [top, { ...good, text: 'x'.repeat(1_000_001) }],
    /more than 1000000/,
  ],
];

for (const [what, members, why] of hostile) {
  test(`${what} is not restored, and the build goes on without`, { skip }, async () => {
    const { outcome, log } = await restored(tarOf(members));
    assert.equal(outcome, 'passed');
    assert.match(log, /cache deps\/all: not restored: /);
    assert.match(log, why);
    assert.match(log, /inside: \n/);
    assert.match(log, /source: mine\n/);
  });
}

test('members outside the directory that was kept are left where they are', { skip }, async () => {
  const elsewhere = [
    { name: 'run.sh', text: 'theirs' },
    { name: '/tmp/x', text: 'theirs' },
    { name: 'deps/other', text: 'theirs' },
  ];
  const { log } = await restored(tarOf([top, good, ...elsewhere]));
  assert.match(log, /inside: deps\/all deps\/all\/x \n/);
  assert.match(log, /outside: \.\/run\.sh \.\/source \n/);
  assert.match(log, /source: mine\n/);
});

test('a set-user-ID bit is not there in what is restored', { skip }, async () => {
  const { log } = await restored(tarOf([top, { ...good, mode: 0o6755 }]));
  assert.match(log, /raised: \n/);
});

test('a file that is all hole is not restored', { skip }, async () => {
  // PAX 1.0 sparse: 8 GiB of nothing, in no byte of tar.
  const records = [
    'GNU.sparse.major=1',
    'GNU.sparse.minor=0',
    'GNU.sparse.name=deps/all/hole',
    'GNU.sparse.realsize=8589934592',
  ].map((text) => {
    const length = text.length + 2;
    return `${length + String(length + 2).length} ${text}\n`;
  });
  const tar = tarOf([
    top,
    { name: 'deps/all/PaxHeaders/hole', type: 'x', text: records.join('') },
    { name: 'deps/all/hole', text: '1\n8589934592\n0\n'.padEnd(512, '\0') },
  ]);
  const { log } = await restored(tar);
  assert.match(log, /not restored: .*more than 1000000 bytes/);
  assert.match(log, /inside: \n/);
});

test('what is compressed or no tar at all is not unpacked', { skip }, async () => {
  for (const bytes of [gzipSync(tarOf([top, good])), Buffer.from('no tar'), Buffer.alloc(0)]) {
    const { outcome, log } = await restored(bytes);
    assert.equal(outcome, 'passed');
    assert.match(log, /cache deps\/all: not restored: it is no tar\n/);
    assert.match(log, /inside: \n/);
  }
});
