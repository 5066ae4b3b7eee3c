import { AirlockError } from '@airlock/common/errors';

/** Ends the work on an item with a code. Not an accident: the item is recorded as refused. */
export class Refused extends AirlockError {}
