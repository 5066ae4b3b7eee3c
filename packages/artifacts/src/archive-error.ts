import { AirlockError } from '@airlock/common/errors';

export type ArchiveErrorCode =
  /** A name or a kind of member that could write, link or execute where nobody looks when it is unpacked. */
  | 'E_ARCHIVE_PATH'
  /** More members or more unpacked bytes than allowed. */
  | 'E_ARCHIVE_SIZE'
  /** Not a whole, plain archive: cut short, followed by something, or two readers would read it differently. */
  | 'E_ARCHIVE_FORMAT';

export class ArchiveError extends AirlockError<ArchiveErrorCode> {}
