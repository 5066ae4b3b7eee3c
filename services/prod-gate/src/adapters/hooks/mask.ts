/**
 * Keeps credentials out of stored output. A hook that prints its password, by mistake or because a library's error message
 * carries it, must not put it into a log that people read for years.
 *
 * It protects against accidents in the usual encodings; a hook that wants to smuggle bytes out through its log can. Most
 * credentials are worthless minutes later, which is the real protection.
 */

export const maskText = '[masked]';

/** Shorter secrets would turn ordinary words into masks and say more than they hide. */
const minSecretLength = 4;

/** What a line may hold before it is cut, in UTF-16 units. */
export const maxLineLength = 8_192;

/**
 * Programs wrap these encodings at a column of their own, so that no line may hold the whole form. What is as long as this is
 * masked wherever it stands; of a piece that was cut off, less is left: 8 bytes of base64, 7 of hex.
 */
const base64Window = 12;
const hexWindow = 16;

export type Mask = {
  /** The text with every form of every secret replaced, whatever overlaps. */
  text: (text: string) => string;
  /** For one output stream. */
  lines: () => LineMasker;
};

export type LineMasker = {
  /** Takes bytes as they come and gives each line once it is whole. */
  push(chunk: Buffer): string[];
  /** What is left at the end of the stream. */
  end(): string[];
};

/** @param secrets of several lines are found line by line; what is shorter than four characters is not masked. */
export function createMask(secrets: readonly string[]): Mask {
  const patterns = new Set(secrets.flatMap(formsOf));
  /** By their first four units, the longest first. */
  const index = new Map<string, string[]>();
  /** Whether a pattern could begin with four units of this hash: most of a text is passed over by it. */
  const begins = new Uint8Array(hashes);
  let longest = 1;
  for (const pattern of [...patterns].sort((a, b) => b.length - a.length)) {
    longest = Math.max(longest, pattern.length);
    begins[hashAt(pattern, 0)] = 1;
    const key = pattern.slice(0, minSecretLength);
    const others = index.get(key);
    if (others === undefined) index.set(key, [pattern]);
    else others.push(pattern);
  }
  function matchAt(text: string, at: number): number {
    if (begins[hashAt(text, at)] === 0) return 0;
    const candidates = index.get(text.slice(at, at + minSecretLength));
    return candidates?.find((each) => text.startsWith(each, at))?.length ?? 0;
  }

  /** Masks what comes piece by piece. The output does not depend on where the pieces were cut. */
  function createScanner(): { push(text: string): string; end(): string } {
    let rest = '';
    let coveredTo = 0;
    let isMasking = false;
    function scan(text: string, decided: number): string {
      let masked = '';
      let plainFrom = -1;
      for (let at = 0; at < decided; at += 1) {
        coveredTo = Math.max(coveredTo, at + matchAt(text, at));
        if (at < coveredTo) {
          if (plainFrom >= 0) masked += text.slice(plainFrom, at);
          plainFrom = -1;
          // What overlaps or touches is one mask.
          if (!isMasking) masked += maskText;
          isMasking = true;
        } else {
          if (plainFrom < 0) plainFrom = at;
          isMasking = false;
        }
      }
      if (plainFrom >= 0) masked += text.slice(plainFrom, decided);
      return masked;
    }
    return {
      push(text) {
        rest += text;
        // Nothing that begins further on could be seen whole.
        const decided = Math.max(0, rest.length - longest + 1);
        const masked = scan(rest, decided);
        rest = rest.slice(decided);
        coveredTo = Math.max(0, coveredTo - decided);
        return masked;
      },
      end() {
        const masked = scan(rest, rest.length);
        rest = '';
        coveredTo = 0;
        isMasking = false;
        return masked;
      },
    };
  }

  return {
    text(text) {
      const scanner = createScanner();
      return scanner.push(text) + scanner.end();
    },
    lines() {
      const decoder = new TextDecoder('utf-8');
      const scanner = createScanner();
      let line = '';
      let isBegun = false;
      /** Gives the line's beginning as soon as it is longer than a line may be. */
      function grow(text: string): string[] {
        line += text;
        const pieces: string[] = [];
        while (line.length > maxLineLength) {
          pieces.push(line.slice(0, maxLineLength));
          line = line.slice(maxLineLength);
          isBegun = true;
        }
        return pieces;
      }
      function finish(): string[] {
        const pieces = grow(scanner.end());
        const last = line.replace(/\r$/, '');
        if (last !== '' || !isBegun) pieces.push(last);
        line = '';
        isBegun = false;
        return pieces;
      }
      function take(text: string): string[] {
        // Postgres keeps no zero in a text.
        const [first = '', ...others] = text.replaceAll('\0', '\uFFFD').split('\n');
        const pieces = grow(scanner.push(first));
        for (const other of others) pieces.push(...finish(), ...grow(scanner.push(other)));
        return pieces;
      }
      let isEmpty = true;
      return {
        push(chunk) {
          const text = decoder.decode(chunk, { stream: true });
          if (text !== '') isEmpty = text.endsWith('\n');
          return take(text);
        },
        end() {
          const text = decoder.decode();
          const lines = take(text);
          return isEmpty && text === '' ? lines : [...lines, ...finish()];
        },
      };
    },
  };
}

const hashes = 2 ** 18;

/** Of four units; beyond the end of the text they count as nothing. */
function hashAt(text: string, at: number): number {
  let hash = 0;
  for (let next = at; next < at + minSecretLength; next += 1) {
    // NaN becomes 0.
    hash = Math.imul(hash ^ (text.charCodeAt(next) | 0), 0x9e37_79b1);
  }
  return hash >>> 14;
}

/** Every text that stands for `secret` in the encodings that programs print: raw, URL, JSON, hex, base64, base64url. */
function formsOf(secret: string): string[] {
  // A log is split into lines, so a secret of several lines has to be found line by line; their ends are often trimmed.
  const parts = [secret, ...secret.split(/[\r\n]+/)].map((part) => part.trim());
  const usable = parts.filter((part) => part.length >= minSecretLength);
  return usable
    .flatMap((part) => {
      const url = encodeURIComponent(part.toWellFormed());
      const json = JSON.stringify(part).slice(1, -1);
      const bytes = Buffer.from(part, 'utf8');
      const hex = windows(bytes.toString('hex'), hexWindow);
      const base64 = base64Alignments(bytes).flatMap((text) => windows(text, base64Window));
      // Its memory goes back to a pool that nobody wipes.
      bytes.fill(0);
      return [
        ...[part, url, url.replaceAll('%20', '+')],
        ...[url.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()), json, asciiJson(json)],
        ...[...hex, ...hex.map((text) => text.toUpperCase())],
        ...base64,
        ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
      ];
    })
    .filter((form) => form.length >= minSecretLength && !form.includes('\n'));
}

/** As Python writes JSON, and Go what a page could take for markup. */
function asciiJson(json: string): string {
  return json.replace(
    /[<>&]|[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function windows(form: string, size: number): string[] {
  if (form.length <= size) return [form];
  return Array.from({ length: form.length - size + 1 }, (_, at) => form.slice(at, at + size));
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
