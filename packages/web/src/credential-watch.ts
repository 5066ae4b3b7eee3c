/** Tells of the credentials that a process's configuration names: when each is due to be replaced, and which are overdue. */
import {
  credentialsOf,
  overdue,
  overdueWords,
  type RotateEvery,
} from '@airlock/process/credential-age';
import type { Figure } from './figures.ts';
import type { Notice } from './views/layout.tsx';

interface Watched {
  readonly rotateEvery: RotateEvery;
}

export function credentialFigure(config: Watched): Figure {
  return {
    name: 'airlock_credential_due_timestamp_seconds',
    help: 'When a credential is due to be replaced, in Unix time; left out: its file cannot be read.',
    type: 'gauge',
    rows: credentialsOf(config, config.rotateEvery).map(({ setting, due }) => ({
      labels: { setting },
      value: due.getTime() / 1000,
    })),
  };
}

/** Files are looked at for a page again after this. */
const freshMs = 5_000;

/**
 * What pages say of overdue credentials: nothing while none is.
 *
 * @param options.of where they stand, such as `nonprod-web`.
 * @param options.page that says more.
 */
export function createCredentialNotices(
  config: Watched,
  options: {
    readonly of: string;
    readonly page: { readonly href: string; readonly label: string };
    readonly now: () => Date;
  },
): () => readonly Notice[] {
  const { of, page } = options;
  let lookedAt = -Infinity;
  let found: readonly Notice[] = [];

  function look(now: Date): readonly Notice[] {
    const late = overdue(credentialsOf(config, config.rotateEvery), now);
    const [first] = late;
    if (first === undefined) return [];
    const title =
      late.length === 1
        ? `A credential of ${of} is overdue.`
        : `${late.length} credentials of ${of} are overdue.`;
    return [{ ...page, kind: 'fix', title, text: `${overdueWords(first, now)}.` }];
  }

  return () => {
    const now = options.now();
    if (Math.abs(now.getTime() - lookedAt) >= freshMs) {
      found = look(now);
      lookedAt = now.getTime();
    }
    return found;
  };
}
