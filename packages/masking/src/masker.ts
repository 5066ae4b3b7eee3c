/**
 * Keeps secrets out of stored output: a build that prints its password, by mistake or because a library's error message
 * carries it, must not put it into a log that people read for years.
 *
 * It protects against accidents in the usual encodings; a build that wants to smuggle bytes out through its log can.
 */
import { formsOf, trimmed, type SecretForms } from './forms.ts';
import { compilePatterns, shortestPattern, type PatternSet } from './patterns.ts';

export const maskText = '[masked]';

/** What is shorter would turn ordinary words into masks: whoever lets people set secrets refuses it. */
export const minSecretBytes = 8;

export type MaskedStream = {
  /**
   * Takes bytes as they come and gives back what can be decided: all but an end that may be the beginning of a secret.
   * The result may share memory with `chunk`.
   */
  write(chunk: Uint8Array): Buffer;
  /** What is left at the end of the stream. */
  end(): Buffer;
  /** How many of the bytes that came are not decided yet. */
  held(): number;
};

export type Masker = {
  /**
   * From now on masks these too, also in streams that are open.
   *
   * @throws RangeError when one, without white space around it, is shorter than `minBytes`.
   */
  add(secrets: readonly Uint8Array[]): void;
  /** The text with every form of every secret replaced. */
  text(text: string): string;
  /** For one output stream. What comes out, put together, does not depend on where the pieces were cut. */
  stream(): MaskedStream;
};

/**
 * Every occurrence of every form of a secret (as it is; by the line; URL, JSON, shell and XML escapes; base64, base64url and
 * hex in every alignment and wrapped anywhere) is replaced by `[masked]`; what overlaps or touches is one mask. Nothing else
 * is changed.
 *
 * @param options.minBytes how short a secret, or a line of one, may be to be looked for; 4 or more, 8 unless told.
 * @throws RangeError as `add` does.
 */
export function createMasker(
  secrets: readonly Uint8Array[] = [],
  { minBytes = minSecretBytes }: { readonly minBytes?: number } = {},
): Masker {
  if (minBytes < shortestPattern) {
    throw new RangeError(`secrets of fewer than ${shortestPattern} bytes cannot be masked`);
  }
  const known: SecretForms[] = [];
  let compiled: PatternSet | null = null;
  // Not in `add`: steps are given their secrets one by one, and each compilation takes all that there are.
  const patterns = (): PatternSet => (compiled ??= compilePatterns(known));

  function add(more: readonly Uint8Array[]): void {
    if (more.length === 0) return;
    if (more.some((secret) => trimmed(secret).length < minBytes)) {
      throw new RangeError(`a secret of fewer than ${minBytes} bytes cannot be masked`);
    }
    known.push(...more.map((secret) => formsOf(secret, minBytes)));
    compiled = null;
  }
  add(secrets);

  function stream(): MaskedStream {
    let held: Uint8Array = Buffer.alloc(0);
    /** How much of the beginning of `held` is under a mask that has been given out already. */
    let covered = 0;
    /** Whether what was given out last is a mask. */
    let isMasking = false;

    function give(text: Uint8Array, isEnd: boolean): Buffer {
      const out: Uint8Array[] = [];
      let cursor = covered;
      const to = patterns().scan(text, isEnd, (start, end) => {
        if (start > cursor) {
          out.push(text.subarray(cursor, start));
          isMasking = false;
        }
        if (end <= cursor) return;
        if (!isMasking) out.push(mask);
        isMasking = true;
        cursor = end;
      });
      if (cursor < to) {
        out.push(text.subarray(cursor, to));
        isMasking = false;
        cursor = to;
      }
      covered = isEnd ? 0 : cursor - to;
      // A copy: the chunk is its owner's.
      held = Buffer.from(text.subarray(to));
      const [only = Buffer.alloc(0)] = out;
      return out.length > 1
        ? Buffer.concat(out)
        : Buffer.from(only.buffer, only.byteOffset, only.length);
    }
    return {
      write: (chunk) => give(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
      end() {
        const rest = give(held, true);
        isMasking = false;
        return rest;
      },
      held: () => held.length,
    };
  }

  return {
    add,
    text(text) {
      const only = stream();
      return Buffer.concat([only.write(Buffer.from(text)), only.end()]).toString();
    },
    stream,
  };
}

const mask = Buffer.from(maskText);
