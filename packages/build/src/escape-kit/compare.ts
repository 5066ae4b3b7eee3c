import { createHash } from 'node:crypto';
import type { IsolationMode } from '@airlock/common/wire/isolation';
import type { KitFindings } from './facts.ts';
import { bubblewrapGolden } from './golden/bubblewrap.ts';
import { podmanGolden } from './golden/podman.ts';
import { userGolden } from './golden/user.ts';

/** What the kit has to find in each mode. In `none`, which keeps nothing apart, whatever it finds is a difference. */
export function goldenOf(mode: IsolationMode): KitFindings {
  switch (mode) {
    case 'bubblewrap':
      return bubblewrapGolden;
    case 'user':
      return userGolden;
    case 'podman':
      return podmanGolden;
    case 'none':
      return {};
  }
}

/** One line for every probe that found something else than it has to. */
export function differences(golden: KitFindings, found: KitFindings): string[] {
  const names = [...new Set([...Object.keys(golden), ...Object.keys(found)])].sort();
  return names
    .filter((name) => golden[name] !== found[name])
    .map(
      (name) =>
        `${name}: ${found[name] ?? 'not tried'}, and it has to be ${golden[name] ?? 'unknown'}`,
    );
}

/** SHA-256 (hex) of the findings as lines, sorted: what a build attests of the self-test before it. */
export function findingsDigest(found: KitFindings): string {
  const lines = Object.entries(found)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${value}\n`);
  return createHash('sha256').update(lines.join('')).digest('hex');
}
