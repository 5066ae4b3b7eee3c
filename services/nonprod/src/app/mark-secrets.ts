import { secretMark, type SecretMarks } from '@airlock/common/wire/secret-marks';
import type { ProjectDeks } from './project-deks.ts';
import { openSecret } from './seal-secret.ts';
import type { SecretStore } from './secret-ports.ts';

/** Marks of everything that is kept, for the gate, under the key that it sent. A value that does not open fails the whole. */
export function createMarkSecrets({
  secrets,
  deks,
}: {
  readonly secrets: Pick<SecretStore, 'sealed'>;
  readonly deks: Pick<ProjectDeks, 'use'>;
}): (key: Uint8Array) => Promise<SecretMarks> {
  return async (key) => {
    const marks: SecretMarks['marks'] = [];
    for (const secret of await secrets.sealed()) {
      const value = await openSecret(deks, secret);
      marks.push({
        secret: `${secret.project}/${secret.name}`,
        mark: secretMark(key, value.reveal()),
      });
    }
    // In the order of the marks, which is random: how rows lie is nobody's business.
    return { marks: marks.sort((a, b) => (a.mark < b.mark ? -1 : 1)) };
  };
}
