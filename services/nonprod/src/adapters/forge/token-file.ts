import { readFileSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';

/**
 * What stands in a file for a forge: printable ASCII without blanks around it.
 *
 * @param setting of the configuration that names the file, for messages.
 * @throws ConfigurationError when it cannot be read, or holds something else.
 */
export function readTokenFile(setting: string, file: string, what: 'token' | 'secret'): string {
  try {
    const token = readFileSync(file, 'utf8').trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${setting}: ${file} cannot be read; create it, readable by this process's user only`,
      { cause },
    );
  }
  throw new ConfigurationError('configuration-refused', `${setting}: ${file} holds no ${what}`);
}
