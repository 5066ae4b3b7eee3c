/** What people did here that changes something: what of a request is written down. */

const Name = /^[A-Za-z0-9][A-Za-z0-9._/ -]{0,127}$/;

/** What a body names, by the two fields that never hold a value: the repository, or else the name of the thing. */
export function objectOf(fields: Readonly<Record<string, unknown>>): string | null {
  for (const name of [fields['repository'], fields['name']]) {
    if (typeof name === 'string' && Name.test(name)) return name;
  }
  return null;
}

/** What an act came to: `open` while it goes on, and for ever when the process ended meanwhile. */
export type ActEnd = 'done' | 'refused' | 'failed' | 'open';

/** @param status of the answer; null while there is none. */
export function actEnd(status: number | null): ActEnd {
  if (status === null) return 'open';
  if (status >= 500) return 'failed';
  return status >= 400 ? 'refused' : 'done';
}
