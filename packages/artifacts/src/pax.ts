import { ArchiveError } from './archive-error.ts';
import { decodeName } from './member-names.ts';

/** What a PAX header says that matters to what is unpacked; null where it is silent. */
export type PaxRecords = {
  readonly path: string | null;
  readonly size: number | null;
  /** Linux file capabilities, which give rights as setuid does. */
  readonly capabilities: boolean;
};

/**
 * @throws ArchiveError as `splitPaxRecords`; `E_ARCHIVE_FORMAT` for a sparse file; `E_ARCHIVE_PATH` for a name that is not
 *   UTF-8.
 */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const values = splitPaxRecords(bytes);
  if ([...values.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw new ArchiveError('E_ARCHIVE_FORMAT', 'it holds a sparse file; pack without --sparse');
  }
  const path = values.get('path');
  const size = values.get('size')?.toString('latin1');
  if (size !== undefined && !/^(?:0|[1-9][0-9]{0,14})$/.test(size)) malformed();
  return {
    path: path === undefined ? null : decodeName(path),
    size: size === undefined ? null : Number(size),
    capabilities: values.has('SCHILY.xattr.security.capability'),
  };
}

/**
 * Values by key of records of the form `LENGTH KEY=VALUE\n`, where the length counts itself (POSIX.1-2001, pax, "Extended
 * Header").
 *
 * @throws ArchiveError `E_ARCHIVE_FORMAT` for another form, or a key twice.
 */
export function splitPaxRecords(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const values = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length;) {
    const length = /^([1-9][0-9]{0,5}) /.exec(bytes.toString('latin1', at, at + 7))?.[1];
    const end = at + Number(length ?? malformed());
    const record = bytes.subarray(at, end);
    if (end > bytes.length || record.at(-1) !== 0x0a) malformed();
    const equals = record.indexOf('=');
    if (equals === -1) malformed();
    const key = record.toString('latin1', (length?.length ?? 0) + 1, equals);
    if (key === '' || values.has(key)) malformed();
    values.set(key, record.subarray(equals + 1, -1));
    at = end;
  }
  return values;
}

function malformed(): never {
  throw new ArchiveError('E_ARCHIVE_FORMAT', 'a PAX header is not made of records');
}
