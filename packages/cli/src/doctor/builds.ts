/** Which build of Airlock lies here, and whether its bundles are still what was built. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildFile, buildInWords, bundleDigest, readBuild } from '@airlock/process/build';
import { checkout, checkoutBuild } from '../checkout.ts';
import { fail, messageOf, pass, type Check, type Outcome } from './installation.ts';

/** What is wrong with the bundles below `directory`; each is measured anew. */
export function bundleFaults(directory: string): { faults: string[]; bundles: string[] } {
  const bundles = existsSync(directory)
    ? readdirSync(directory).filter((name) => existsSync(join(directory, name, buildFile)))
    : [];
  const faults = bundles.flatMap((name) => {
    const place = join(directory, name);
    try {
      const [measured, { digest }] = [bundleDigest(place), readBuild(place)];
      return measured === digest
        ? []
        : [`${place} is ${measured} and was built as ${digest ?? ''}`];
    } catch (error) {
      return [`${place}: ${messageOf(error)}`];
    }
  });
  return { faults, bundles };
}

async function builds(): Promise<Outcome> {
  await Promise.resolve();
  const told = `airlock ${buildInWords(checkoutBuild())}`;
  const { faults, bundles } = bundleFaults(join(checkout, 'dist'));
  if (faults.length > 0) {
    return fail(
      faults.join('; '),
      'Find out who changed it, then build it anew: delete that directory and run npm run build.',
    );
  }
  const lie =
    bundles.length === 0 ? 'no bundle is built here' : `${bundles.join(', ')} are what was built`;
  return pass(`${told}; ${lie}`);
}

export const buildChecks: Readonly<Record<string, Check>> = { version: builds };
