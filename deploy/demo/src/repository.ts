/** Seeds the demo's git repository: a small shop whose main branch is built, promoted and delivered. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { signCommit, type ForgeKey } from '@airlock/cli/drills/forge-key';

const run = promisify(execFile);

export interface DemoRepository {
  /** What policies, signer and gate compare exactly. */
  readonly url: string;
  readonly bareDirectory: string;
  /** Commits files on top of a branch and pushes it; returns the commit id. What goes to main is signed by the forge. */
  commit(change: Change): Promise<string>;
  /** The same commit as the forge signs it; returns the id of that. No ref points at it yet. */
  signedByForge(commit: string): string;
  /** Opens two pull requests, 7 (its test fails) and 8 (it passes), unless they are there. */
  openPullRequests(): Promise<void>;
}

export interface Change {
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly files: Readonly<Record<string, string>>;
  /** Full ref to push to; default `refs/heads/main`. */
  readonly ref?: string;
  /** Commit time; default now. */
  readonly at?: Date;
}

const pipeline = `# Woodpecker syntax: this file runs there unchanged.
when:
  - event: [push, pull_request]

steps:
  - name: test
    image: shop-builder
    commands:
      - echo "checking $(grep -c '"sku"' products.json) products"
      - sh test.sh
  - name: package
    image: shop-builder
    commands:
      - sh package.sh
`;

const release = `version: 1
artifacts:
  shop-api:
    path: dist/shop-api.tar.gz
    maxSize: 5MiB
releases:
  shop-api:
    artifacts: [shop-api]
    promote:
      - target: prod-eu
`;

const testScript = `# Every product has a sku and a price, and no price is negative.
set -e
test "$(grep -c '"sku"' products.json)" -gt 0
test "$(grep -c '"sku"' products.json)" = "$(grep -c '"price_cents"' products.json)"
if grep -q '"price_cents": -' products.json; then
  echo "FAIL: a product has a negative price"
  exit 1
fi
echo "all products are well-formed"
`;

// Names sorted, no owner, fixed times, no gzip header time: the same commit gives the same bytes everywhere.
const packageScript = `set -e
mkdir -p dist
printf '{"commit":"%s","products":%s}\\n' "$CI_COMMIT_SHA" "$(grep -c '"sku"' products.json)" > release.json
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r -cf - products.json release.json | gzip -n > dist/shop-api.tar.gz
echo "packed $(wc -c < dist/shop-api.tar.gz) bytes"
`;

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly price_cents: number;
}

const products: readonly Product[] = [
  { sku: 'bolt-m6', name: 'Bolt M6', price_cents: 12 },
  { sku: 'nut-m6', name: 'Nut M6', price_cents: 7 },
  { sku: 'washer-m6', name: 'Washer M6', price_cents: 3 },
];

/** One product a line, as the test script counts them. */
export const productsFile = (list: readonly Product[]): string =>
  `[\n${list.map((product) => `  {"sku": ${JSON.stringify(product.sku)}, "name": ${JSON.stringify(product.name)}, "price_cents": ${product.price_cents}}`).join(',\n')}\n]\n`;

export const firstProducts = products;

function git(
  directory: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  return run('git', ['-C', directory, ...args], {
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      ...env,
    },
  }).then(({ stdout }) => stdout.trim());
}

/** Opens the repository under `directory`, seeding it when it is not there: four commits on main. */
export async function seedRepository(directory: string, forge: ForgeKey): Promise<DemoRepository> {
  const bareDirectory = join(directory, 'shop-api.git');
  const work = join(directory, 'work');
  const repository: DemoRepository = {
    url: pathToFileURL(bareDirectory).href,
    bareDirectory,
    async commit({ message, author, files, ref = 'refs/heads/main', at = new Date() }) {
      const known = await git(bareDirectory, ['rev-parse', '--verify', '--quiet', ref]).catch(
        () => null,
      );
      const base =
        known ??
        (await git(bareDirectory, ['rev-parse', '--verify', '--quiet', 'refs/heads/main']).catch(
          () => null,
        ));
      if (base !== null) {
        await git(work, ['fetch', '--quiet', 'origin', base]);
        await git(work, ['checkout', '--quiet', '--force', '--detach', base]);
      }
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(join(work, path)), { recursive: true });
        await writeFile(join(work, path), content);
      }
      await git(work, ['add', '--all']);
      const when = at.toISOString();
      await git(work, ['commit', '--quiet', '-m', message], {
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: when,
        GIT_COMMITTER_NAME: author.name,
        GIT_COMMITTER_EMAIL: author.email,
        GIT_COMMITTER_DATE: when,
      });
      const made = await git(work, ['rev-parse', 'HEAD']);
      const commit = ref === 'refs/heads/main' ? signCommit(work, made, forge) : made;
      await git(work, ['push', '--quiet', 'origin', `${commit}:${ref}`]);
      return commit;
    },
    signedByForge: (commit) => signCommit(bareDirectory, commit, forge),
    async openPullRequests() {
      const open = await git(bareDirectory, ['for-each-ref', '--format=%(refname)', 'refs/pull/']);
      if (open !== '') return;
      await repository.commit({
        message: 'Discount: negative prices',
        author: { name: 'Kit Outside', email: 'kit@elsewhere.example' },
        ref: 'refs/pull/7/head',
        files: {
          'products.json': productsFile([
            ...products,
            { sku: 'promo', name: 'Promo', price_cents: -100 },
          ]),
        },
      });
      await repository.commit({
        message: 'Sell brackets',
        author: { name: 'Dana Okafor', email: 'dana@demo.airlock.example' },
        ref: 'refs/pull/8/head',
        files: {
          'products.json': productsFile([
            ...products,
            { sku: 'bracket', name: 'Bracket', price_cents: 95 },
          ]),
        },
      });
    },
  };
  if (existsSync(bareDirectory)) return repository;

  await rm(work, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await git(directory, ['init', '--quiet', '--bare', '--initial-branch=main', bareDirectory]);
  // Pull requests are refs as a forge serves them, and a repository accepts fetches of any commit that it has.
  await git(bareDirectory, ['config', 'uploadpack.allowAnySHA1InWant', 'true']);
  await git(directory, ['init', '--quiet', '--initial-branch=main', work]);
  await git(work, ['remote', 'add', 'origin', bareDirectory]);

  const dana = { name: 'Dana Okafor', email: 'dana@demo.airlock.example' };
  const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);
  await repository.commit({
    message: 'Three products to start with',
    author: dana,
    at: hoursAgo(50),
    files: {
      'README.md': '# shop-api\n\nThe catalogue of a small shop.\n',
      'products.json': productsFile(products),
    },
  });
  await repository.commit({
    message: 'Check the catalogue before it is packed',
    author: dana,
    at: hoursAgo(30),
    files: { 'test.sh': testScript },
  });
  await repository.commit({
    message: 'Build with Woodpecker syntax and release to prod-eu',
    author: dana,
    at: hoursAgo(6),
    files: {
      '.woodpecker.yaml': pipeline,
      '.airlock/release.yaml': release,
      'package.sh': packageScript,
    },
  });
  await repository.commit({
    message: 'Sell hinges (#6)',
    author: dana,
    at: hoursAgo(2),
    files: {
      'products.json': productsFile([
        ...products,
        { sku: 'hinge-40', name: 'Hinge 40 mm', price_cents: 240 },
      ]),
    },
  });
  return repository;
}
