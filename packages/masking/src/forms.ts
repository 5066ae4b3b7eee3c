/** The texts that stand for a secret in the encodings that programs print. */

export type SecretForms = {
  /** Found only as a whole. */
  readonly texts: readonly Buffer[];
  /**
   * Found in every piece of `size` bytes: programs wrap these encodings at a column of their own, so that no line may hold
   * the whole form. Of a piece that a line break cut off, less than `size` is left.
   */
  readonly pieces: readonly { readonly form: Buffer; readonly size: number }[];
};

/** 12 characters of base64 are 9 bytes of the secret, 16 of hex are 8. */
export const base64Piece = 12;
export const hexPiece = 16;

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** What each encoder leaves as it is, and what it makes of a space. */
const percentEncoders: readonly { readonly kept: string; readonly space?: '+' }[] = [
  // encodeURIComponent, encodeURI
  { kept: "-_.!~*'()" },
  { kept: "-_.!~*'();/?:@&=+$,#" },
  // RFC 3986, 2.3; Go's path and user escapes, Python's quote
  { kept: '-_.~' },
  { kept: '-_.~$&+=:@' },
  { kept: '-_.~$&+=;,' },
  { kept: '-_.~/' },
  // application/x-www-form-urlencoded as browsers and Java write it, as Go, PHP and Python do
  { kept: '-_.*', space: '+' },
  { kept: '-_.~', space: '+' },
];

/**
 * @param minBytes lines of a secret that are shorter are not looked for by themselves: they would turn ordinary words into
 *   masks and say more than they hide.
 */
export function formsOf(secret: Uint8Array, minBytes: number): SecretForms {
  const whole = trimmed(secret);
  const text = utf8(whole);
  const texts = [whole, ...percentForms(whole)];
  if (text !== null) {
    texts.push(...textForms(text));
    // Logs are split, indented and prefixed by the line.
    for (const line of text.split(/[\r\n]+/).map((each) => each.trim())) {
      texts.push(...[line, ...(line === text ? [] : jsonForms(line))].map((each) => bytesOf(each)));
    }
  }
  const hex = whole.toString('hex');
  const base64 = base64Alignments(whole);
  const url = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return {
    texts: texts.filter(({ length }) => length >= minBytes),
    pieces: [
      ...[...base64, ...url].map((form) => ({ form: bytesOf(form), size: base64Piece })),
      ...[hex, hex.toUpperCase()].map((form) => ({ form: bytesOf(form), size: hexPiece })),
    ],
  };
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

/** Files end in a line feed and shells cut it off. */
export function trimmed(bytes: Uint8Array): Buffer {
  const isSpace = (byte: number | undefined) =>
    byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
  let from = 0;
  let to = bytes.length;
  while (from < to && isSpace(bytes[from])) from += 1;
  while (to > from && isSpace(bytes[to - 1])) to -= 1;
  return Buffer.from(bytes.subarray(from, to));
}

function utf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Bytes that are no text are printed in no form of a text.
    return null;
  }
}

function percentForms(bytes: Buffer): Buffer[] {
  return percentEncoders.flatMap(({ kept, space }) => {
    const plain = new Set(bytesOf(letters + kept));
    return [(code: string) => code, (code: string) => code.toUpperCase()].map((letterCase) =>
      bytesOf(
        [...bytes]
          .map((byte) => {
            if (plain.has(byte)) return String.fromCharCode(byte);
            if (byte === 0x20 && space !== undefined) return space;
            return `%${letterCase(byte.toString(16).padStart(2, '0'))}`;
          })
          .join(''),
      ),
    );
  });
}

function textForms(text: string): Buffer[] {
  const json = jsonForms(text);
  return [
    ...json,
    // JSON in a string of JSON, as logs of requests have it.
    ...json.map((each) => JSON.stringify(each).slice(1, -1)),
    // The shell: `set -x` quotes, `printf %q` escapes.
    text.replaceAll("'", "'\\''"),
    text.replace(/[^A-Za-z0-9_.,:/@%+=\n\u0080-\uffff-]/g, '\\$&'),
    // XML and HTML
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;'),
  ].map((each) => bytesOf(each));
}

function jsonForms(text: string): string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const escaped = (pattern: RegExp, from: string) =>
    from.replace(pattern, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  // As JavaScript, Python, Go and PHP write it.
  const ascii = escaped(/[^\x20-\x7e]/g, json);
  return [
    json,
    ascii,
    escaped(/[<>&]/g, json),
    escaped(/[<>&]/g, ascii),
    json.replaceAll('/', '\\/'),
    ascii.replaceAll('/', '\\/'),
  ];
}

/**
 * Base64 works on groups of three bytes, so inside a longer text (`user:password`) the same bytes appear in one of three
 * forms. Each is cut to the characters that depend on the secret's bytes alone, so padding does not matter.
 */
function base64Alignments(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  });
}
