import { AirlockError } from '@airlock/common/errors';

/** An account could not be linked; the message is for the person who tried. */
export class LinkError extends AirlockError<'forge-away' | 'forge-refused'> {}
