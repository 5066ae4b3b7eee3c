import { dirname, resolve } from 'node:path';
import { credentialsOf, overdue, overdueWords, RotateEvery } from '@airlock/process/credential-age';
import { isGate } from './exposure.ts';
import { fail, pass, skip, type Check } from './installation.ts';

export const credentialChecks: Readonly<Record<string, Check>> = {
  /** How often is what nonprod-web says for its side and gate-web for the other. */
  async rotation({ files }) {
    await Promise.resolve();
    const now = new Date();
    const late: string[] = [];
    const seen = new Set<string>();
    for (const { path, content } of files) {
      const said = files.find(
        (each) => isGate(each.path) === isGate(path) && 'rotateEvery' in each.content,
      );
      // What it says wrongly the process itself refuses.
      const every =
        RotateEvery.safeParse(said?.content['rotateEvery']).data ?? RotateEvery.parse({});
      const found = credentialsOf(content, every, (file) => resolve(dirname(path), file));
      for (const each of found) seen.add(each.file);
      late.push(...overdue(found, now).map((each) => `${path}: ${overdueWords(each, now)}`));
    }
    if (seen.size === 0) return skip('no key, password or token file is named');
    if (late.length === 0) return pass(`${seen.size} keys, passwords and tokens are in time`);
    return fail(
      late.join('; '),
      'Replace each as docs/operations/rotation.md says, setting by setting.',
    );
  },
};
