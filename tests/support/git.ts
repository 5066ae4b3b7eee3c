/** What somebody with a shell on the git server could do to the demo's repository. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { productsFile, firstProducts } from '@airlock/demo/repository';
import type { Pair } from '@airlock/demo/pair';

const run = promisify(execFile);

/** Anybody may commit under anybody's name; this one is in the roster, so that nothing is refused for the name alone. */
const stolen = { name: 'Dana Okafor', email: 'dana@demo.airlock.example' };

/** Runs git in the bare repository; the output without its last line feed. */
export async function gitIn(pair: Pair, ...args: readonly string[]): Promise<string> {
  const identity = ['-c', `user.name=${stolen.name}`, '-c', `user.email=${stolen.email}`];
  const { stdout } = await run('git', [...identity, '-C', pair.repository.bareDirectory, ...args]);
  return stdout.trim();
}

/** A commit on top of main that only `ref` names. */
export function commitAside(pair: Pair, ref: string): Promise<string> {
  return pair.repository.commit({
    message: `Sell contraband by ${ref}`,
    author: stolen,
    ref,
    files: {
      'products.json': productsFile([
        ...firstProducts,
        { sku: 'contraband', name: 'Contraband', price_cents: 1 },
      ]),
    },
  });
}

/** Merges `side` into main without fast-forward, signed as the forge signs; returns the merge commit. */
export async function mergeIntoMain(pair: Pair, side: string): Promise<string> {
  const main = await gitIn(pair, 'rev-parse', 'refs/heads/main');
  const unsigned = await gitIn(
    pair,
    'commit-tree',
    `${side}^{tree}`,
    '-p',
    main,
    '-p',
    side,
    '-m',
    'Merge a side branch',
  );
  const merge = pair.repository.signedByForge(unsigned);
  await gitIn(pair, 'update-ref', 'refs/heads/main', merge, main);
  return merge;
}
