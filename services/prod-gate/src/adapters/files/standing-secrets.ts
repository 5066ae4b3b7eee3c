/** What a process of the gate holds for as long as it runs, found by its configuration: private files, and passwords in URLs. */
import { readFileSync, statSync } from 'node:fs';
import { Secret } from '@airlock/common/secret';

export type StandingSecret = {
  /** Where it stands in the configuration, such as `database.passwordFile`. */
  readonly setting: string;
  readonly value: Secret;
};

/** More than any key or password; what is longer is no secret of one line or one key. */
const mostBytes = 16 * 1024;

/** Read anew at each call, since files are replaced while a process runs. What cannot be read is left to who needs it. */
export function standingSecrets(config: object): StandingSecret[] {
  return Object.entries(config).flatMap(([key, value]: [string, unknown]): StandingSecret[] => {
    if (typeof value === 'object' && value !== null) {
      return standingSecrets(value).map((found) => ({
        ...found,
        setting: `${key}.${found.setting}`,
      }));
    }
    if (typeof value !== 'string') return [];
    const secret = key.endsWith('File') ? privateFile(value) : passwordIn(value);
    return secret === null ? [] : [{ setting: key, value: new Secret(secret) }];
  });
}

/** By our own convention what is secret is for its owner alone; certificates and verifier keys need not be. */
function privateFile(path: string): string | null {
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o077) !== 0 || size > mostBytes) return null;
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? null : text;
  } catch {
    return null;
  }
}

function passwordIn(text: string): string | null {
  const url = /^[a-z]+:\/\//.test(text) ? URL.parse(text) : null;
  if (url === null || url.password === '') return null;
  try {
    return decodeURIComponent(url.password);
  } catch {
    // A stray percent sign means itself, as clients take it.
    return url.password;
  }
}
