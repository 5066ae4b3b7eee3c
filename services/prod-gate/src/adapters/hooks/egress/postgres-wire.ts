/**
 * The little of Postgres' wire protocol 3.0 that stands before the first query.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

const sslRequestCode = 80_877_103;
const gssRequestCode = 80_877_104;
const cancelRequestCode = 80_877_102;
/** As Postgres itself, MAX_STARTUP_PACKET_LENGTH. */
const maxOpeningBytes = 10_000;

export type Opening =
  | { readonly kind: 'encryption' }
  | { readonly kind: 'cancel'; readonly processId: number; readonly key: Buffer }
  | {
      readonly kind: 'startup';
      /** Minor version asked for, and the options of later minor versions (`_pq_.…`) that were named. */
      readonly minor: number;
      readonly unknown: readonly string[];
      readonly parameters: ReadonlyMap<string, string>;
    };

/**
 * @param header the first eight bytes.
 * @returns how many more belong to it.
 * @throws Error for a length that no Postgres would read.
 */
export function openingLength(header: Buffer): number {
  const length = header.readUInt32BE(0);
  if (length < 8 || length > maxOpeningBytes) {
    throw new Error('what came is not the beginning of a Postgres connection');
  }
  return length - 8;
}

/** @throws Error for anything but a request to encrypt, to cancel, or to start with protocol 3. */
export function parseOpening(header: Buffer, body: Buffer): Opening {
  const code = header.readUInt32BE(4);
  if (code === sslRequestCode || code === gssRequestCode) return { kind: 'encryption' };
  if (code === cancelRequestCode && body.length >= 8) {
    return { kind: 'cancel', processId: body.readUInt32BE(0), key: body.subarray(4) };
  }
  if (code >>> 16 !== 3) throw new Error('a Postgres client of protocol 3 expected');
  const texts = body.toString('utf8').split('\0');
  // Every text ends in a zero, and so does the list.
  if (texts.length < 2 || texts.at(-1) !== '' || texts.at(-2) !== '') {
    throw new Error('the startup message of the Postgres client is malformed');
  }
  const pairs = texts.slice(0, -2);
  const parameters = new Map<string, string>();
  for (let at = 0; at < pairs.length; at += 2) {
    parameters.set(pairs[at] ?? '', pairs[at + 1] ?? '');
  }
  const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
  return { kind: 'startup', minor: code & 0xffff, unknown, parameters };
}

export const sslRequest = opening(sslRequestCode, Buffer.alloc(0));

export function cancelRequest(processId: number, key: Buffer): Buffer {
  return opening(cancelRequestCode, Buffer.concat([uint32(processId), key]));
}

export function startupMessage(parameters: ReadonlyMap<string, string>): Buffer {
  const texts = [...parameters].flatMap(([name, value]) => [name, value]);
  return opening(3 << 16, Buffer.from(`${texts.map((text) => `${text}\0`).join('')}\0`));
}

function opening(code: number, body: Buffer): Buffer {
  return Buffer.concat([uint32(body.length + 8), uint32(code), body]);
}

export type Message = { readonly type: string; readonly body: Buffer };

export function encode({ type, body }: Message): Buffer {
  return Buffer.concat([Buffer.from(type, 'latin1'), uint32(body.length + 4), body]);
}

export const authenticationOk = encode({ type: 'R', body: uint32(0) });

export function saslInitialResponse(mechanism: string, response: string): Buffer {
  const text = Buffer.from(response);
  const body = Buffer.concat([Buffer.from(`${mechanism}\0`), uint32(text.length), text]);
  return encode({ type: 'p', body });
}

export function saslResponse(response: string): Buffer {
  return encode({ type: 'p', body: Buffer.from(response) });
}

/** Tells a client that asked for a later protocol that 3.0 is spoken here. */
export function negotiation(unknown: readonly string[]): Buffer {
  const names = Buffer.from(unknown.map((name) => `${name}\0`).join(''));
  return encode({
    type: 'v',
    body: Buffer.concat([uint32(3 << 16), uint32(unknown.length), names]),
  });
}

/** Every field of an ErrorResponse or NoticeResponse, by its one-letter name. */
export function errorFields(body: Buffer): ReadonlyMap<string, string> {
  const fields = body.toString('utf8').split('\0');
  return new Map(
    fields.filter((field) => field !== '').map((field) => [field.slice(0, 1), field.slice(1)]),
  );
}

export function errorResponse(fields: ReadonlyMap<string, string>): Buffer {
  const text = [...fields].map(([name, value]) => `${name}${value}\0`).join('');
  return encode({ type: 'E', body: Buffer.from(`${text}\0`) });
}

export function fatal(code: string, message: string): Buffer {
  return errorResponse(new Map([...fatalSeverity, ['C', code], ['M', message]]));
}

const fatalSeverity = [
  ['S', 'FATAL'],
  ['V', 'FATAL'],
] as const;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
