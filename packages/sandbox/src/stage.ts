/**
 * Where root lays what a sandbox is given, in a mount namespace of that sandbox's own, for an account to reach that may not pass
 * the directories above it.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownDirectory } from './memory.ts';

/** Every account may pass through it, and none but root may change it. */
const stage = ownDirectory(0o755);

/** An empty directory or file to mount over, the same one each time. */
export function placeFor(kind: 'directory' | 'file', index: number): string {
  const place = join(stage(), `${kind}-${index}`);
  if (existsSync(place)) return place;
  if (kind === 'directory') mkdirSync(place, { mode: 0o755 });
  else writeFileSync(place, '', { flag: 'wx', mode: 0o444 });
  return place;
}
