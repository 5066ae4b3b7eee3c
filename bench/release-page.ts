/**
 * P12 at the gate: the page of a promotion whose delta has 500 commits, 5,000 files of the artifact and 1,000 components, and the
 * queue, with 10,000 promotions stored, in
 * milliseconds until the whole answer was there over a kept connection. The limit is the goal; the peer is the same
 * installation with a hundredth of the promotions.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { askForPromotion, commitNewProduct, waitForCandidate } from '@airlock/demo/flow';
import { emailOf, people } from '@airlock/demo/people';
import { startPair, type Pair } from '@airlock/demo/pair';
import { createProgress } from '@airlock/demo/progress';
import { median, type Figure } from './harness.ts';

const stored = [100, 10_000] as const;
const commits = 500;
const [artifactFiles, components] = [5_000, 1_000];
const goalMs = 30;
const looks = 40;
const warmUps = 5;

export async function* bench(): AsyncGenerator<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-bench-'));
  const quiet = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const pair = await startPair({ directory, ports: 'free', progress: createProgress(quiet) });
  try {
    commitMany(pair.repository.bareDirectory, commits - 2);
    await commitPackaging(pair);
    const candidate = await waitForCandidate(pair, await commitNewProduct(pair));
    const promotion = await askForPromotion(pair, candidate.id, 'measured');
    const paths = {
      'page of a promotion': `/promotions/${promotion}`,
      'page of a promotion, JSON': `/api/v1/promotions/${promotion}`,
      queue: '/queue',
    };
    const mira = await pair.signIn('gate', 'mira');
    const found: Record<string, number>[] = [];
    let from = 1;
    for (const upTo of stored) {
      await copyPromotions(pair, promotion, from, upTo);
      from = upTo + 1;
      const times: Record<string, number> = {};
      for (const [name, path] of Object.entries(paths)) {
        const samples: number[] = [];
        for (let look = -warmUps; look < looks; look += 1) {
          const began = performance.now();
          await mira.getBytes(path);
          if (look >= 0) samples.push(performance.now() - began);
        }
        times[name] = median(samples);
      }
      found.push(times);
    }
    const [few = {}, many = {}] = found;
    for (const name of Object.keys(paths)) {
      const value = many[name] ?? Number.NaN;
      yield {
        name: `release-page: ${name}, ${commits} commits, ${artifactFiles} files, ${stored[1]} stored; peer: ${stored[0]}`,
        ...{ value, unit: 'ms', limit: goalMs, ratio: value / goalMs },
        ...(few[name] === undefined ? {} : { peer: few[name] }),
      };
    }
  } finally {
    await pair.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From here on the artifact has a tree of files and an SBOM. */
async function commitPackaging(pair: Pair): Promise<void> {
  const [dana] = people;
  if (dana === undefined) throw new Error('the demo has people');
  await pair.repository.commit({
    message: 'Pack the documentation, too',
    author: { name: dana.name, email: emailOf(dana) },
    files: {
      'bom.json': JSON.stringify({
        bomFormat: 'CycloneDX',
        components: Array.from({ length: components }, (_, place) => ({
          name: `part-${place}`,
          version: '1.0.0',
          purl: `pkg:npm/part-${place}@1.0.0`,
          licenses: [{ license: { id: 'MIT' } }],
        })),
      }),
      'package.sh': `set -e
mkdir -p dist tree
i=0
while [ $i -lt ${artifactFiles} ]; do echo $i > tree/page-$i; i=$((i + 1)); done
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - products.json bom.json tree | gzip -n > dist/shop-api.tar.gz
`,
    },
  });
}

/** Commits on top of main, a file each, in one run of git. */
function commitMany(bareDirectory: string, count: number): void {
  const [dana] = people;
  if (dana === undefined) throw new Error('the demo has people');
  const ident = `${dana.name} <${emailOf(dana)}>`;
  const lines: string[] = [];
  const began = Math.floor(Date.now() / 1000) - count;
  for (let number = 1; number <= count; number += 1) {
    const message = `docs: page ${number}\n`;
    lines.push(
      'commit refs/heads/main',
      `committer ${ident} ${began + number} +0000`,
      `data ${message.length}`,
      message,
      ...(number === 1 ? ['from refs/heads/main^0'] : []),
      `M 100644 inline docs/page-${number}.md`,
      'data 2',
      'x',
    );
  }
  execFileSync('git', ['-C', bareDirectory, 'fast-import', '--quiet'], {
    input: `${lines.join('\n')}\n`,
  });
}

/** Copies of a promotion that have ended, a minute apart. */
async function copyPromotions(pair: Pair, id: string, from: number, upTo: number): Promise<void> {
  await pair.query(
    'gate',
    `insert into promotion
     select copied.* from promotion original
       cross join generate_series($2::int, $3::int) n
       cross join lateral jsonb_populate_record(original, jsonb_build_object(
         'id', 'prm_' || lpad(n::text, 10, '0'),
         'state', 'superseded',
         'release', original.release || '-copy-' || n,
         'envelope_digest', md5(n::text) || md5(n::text),
         'provenance_digest', md5('p' || n) || md5('p' || n),
         'bundle_digest', md5('b' || n) || md5('b' || n),
         'invocation_id', original.invocation_id || '#' || n,
         'requested_at', original.requested_at - n * interval '1 minute',
         'admitted_at', original.admitted_at - n * interval '1 minute',
         'state_changed_at', original.state_changed_at - n * interval '1 minute')) copied
     where original.id = $1`,
    [id, from, upTo],
  );
  await pair.query('gate', 'vacuum analyze');
}
