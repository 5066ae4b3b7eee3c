/**
 * Keeps a credential out of stored output. A hook that prints its password, by mistake or because a library's error
 * message carries it, must not put it into a log that people read for years.
 *
 * It protects against accidents in the usual encodings; a hook that wants to smuggle bytes out through its log can. The
 * credential is worthless minutes later, which is the real protection.
 */

export const maskText = '[masked]';

/** Shorter secrets would turn ordinary words into masks and say more than they hide. */
const minSecretLength = 4;

/** What a line may hold before it is cut, in UTF-16 units. */
export const maxLineLength = 8_192;

/** Every text that stands for `secret` in the encodings that programs print: raw, URL, JSON, hex, base64, base64url. */
export function maskPatterns(secrets: readonly string[]): readonly string[] {
  const patterns = new Set<string>();
  for (const secret of secrets) {
    // A log is split into lines, so a secret of several lines has to be found line by line.
    for (const part of [secret, ...secret.split(/\r?\n/)]) {
      if (part.length < minSecretLength) continue;
      const bytes = Buffer.from(part, 'utf8');
      patterns.add(part);
      patterns.add(encodeURIComponent(part));
      patterns.add(encodeURIComponent(part).replaceAll('%20', '+'));
      patterns.add(JSON.stringify(part).slice(1, -1));
      patterns.add(bytes.toString('hex'));
      patterns.add(bytes.toString('hex').toUpperCase());
      for (const text of base64Alignments(bytes)) {
        patterns.add(text);
        patterns.add(text.replaceAll('+', '-').replaceAll('/', '_'));
      }
      // Its memory goes back to a pool that nobody wipes.
      bytes.fill(0);
    }
  }
  // Longest first, so that a form that contains another is replaced whole.
  return [...patterns]
    .filter((pattern) => pattern.length >= minSecretLength)
    .sort((a, b) => b.length - a.length);
}

/**
 * Base64 works on groups of three bytes, so inside a longer text (`user:password`) the same bytes appear in one of three
 * forms. Each is cut to the characters that depend on the secret's bytes alone.
 */
function base64Alignments(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    const text = shifted.toString('base64').replace(/=+$/, '');
    shifted.fill(0);
    const first = Math.ceil((shift * 8) / 6);
    const last = Math.floor(((shift + bytes.length) * 8) / 6);
    return text.slice(first, last);
  });
}

export function mask(text: string, patterns: readonly string[]): string {
  let masked = text;
  for (const pattern of patterns) masked = masked.replaceAll(pattern, maskText);
  return masked;
}

export type LineMasker = {
  /** Takes bytes as they come and gives each line once it is whole. */
  push(chunk: Buffer): string[];
  /** What is left at the end of the stream. */
  end(): string[];
};

/**
 * Cuts one output stream into masked lines. A line beyond 8 192 characters is cut, after masking and never so that half of
 * a secret stands on each side.
 */
export function createLineMasker(patterns: readonly string[]): LineMasker {
  const decoder = new TextDecoder('utf-8');
  const longest = patterns[0]?.length ?? 0;
  let rest = '';

  function take(text: string): string[] {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const whole = lines.flatMap((line) => cut(mask(line.replace(/\r$/, ''), patterns)));
    while (rest.length > maxLineLength + longest) {
      rest = mask(rest, patterns);
      // What could be the beginning of a secret whose end has not come yet stays.
      const ready = rest.length - longest;
      if (ready < maxLineLength) break;
      whole.push(rest.slice(0, maxLineLength));
      rest = rest.slice(maxLineLength);
    }
    return whole;
  }

  return {
    push: (chunk) => take(decoder.decode(chunk, { stream: true })),
    end() {
      const lines = take(decoder.decode());
      const last = rest === '' ? [] : cut(mask(rest, patterns));
      rest = '';
      return [...lines, ...last];
    },
  };
}

function cut(line: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from === 0 || from < line.length; from += maxLineLength) {
    pieces.push(line.slice(from, from + maxLineLength));
  }
  return pieces;
}
