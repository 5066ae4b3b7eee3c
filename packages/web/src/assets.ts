import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export type AssetName =
  | 'style.css'
  | 'passkey.js'
  | 'live.js'
  | 'keys.js'
  | 'log.js'
  | 'log-window.js'
  | 'favicon-gate.svg'
  | 'favicon-nonprod.svg';

export interface Assets {
  readonly directory: string;
  /** Address of an asset with the hash of its content in it, so that it may be cached for ever. */
  url(name: AssetName): string;
}

/** @throws when the build has not been run: `npm run build`. */
export function loadAssets(directory: string): Assets {
  const manifest = z
    .record(z.string(), z.string())
    .parse(JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')));
  return {
    directory,
    url(name) {
      const file = manifest[name];
      if (file === undefined)
        throw new Error(`${name} is not in ${directory}/manifest.json; run npm run build`);
      return `/assets/${file}`;
    },
  };
}
