const hidden = '[secret]';

/**
 * A value that must not reach a log, an error, a page or a database by accident.
 *
 * Only `reveal()` gives the value; string conversion, JSON, `util.inspect`, structured clone and property listing show
 * `[secret]` or nothing. It protects against mistakes, not against code that calls `reveal()`.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it where the value is used, never where it is passed on. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.toPrimitive](): string {
    return hidden;
  }

  // util.inspect and console look this name up in the global symbol registry, so no import of node:util is needed.
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden;
  }
}
