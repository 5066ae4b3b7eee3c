/**
 * Reads the artifact of the catalogue's pipeline: a gzip'd tar with exactly `release.json` and `products.json`, and an SBOM,
 * `bom.json`, where the pipeline makes one: it is for the gate, and nothing here reads it.
 *
 * Nothing is unpacked to disk: the two members are read into memory, and an archive with any other member, a link, a
 * device or a path is refused whole (E_ARCHIVE_PATH), because a good build never makes one.
 */
import { gunzipSync } from 'node:zlib';

export type Product = {
  readonly sku: string;
  readonly name: string;
  readonly priceCents: number;
};

export type Release = { readonly commit: string; readonly products: readonly Product[] };

const maxUnpackedBytes = 64 * 1024 * 1024;
const block = 512;

/** @throws Error with a sentence for the delivery's log when the archive is not exactly what is described above. */
export function readRelease(archive: Buffer): Release {
  const members = tarMembers(gunzipSync(archive, { maxOutputLength: maxUnpackedBytes }));
  const names = [...members.keys()]
    .filter((name) => name !== 'bom.json')
    .sort()
    .join(', ');
  if (names !== 'products.json, release.json') {
    throw new Error(
      `the artifact holds ${names || 'nothing'}; products.json and release.json expected`,
    );
  }
  const facts = asRecord(parse(members, 'release.json'), 'release.json');
  const commit = text(facts['commit'], 'release.json: commit', 64);
  const list = parse(members, 'products.json');
  if (!Array.isArray(list)) throw new Error('products.json: a list expected');
  const products = list.map((entry: unknown, index): Product => {
    const product = asRecord(entry, `products.json[${index}]`);
    const price = product['price_cents'];
    if (typeof price !== 'number' || !Number.isSafeInteger(price) || price < 0) {
      throw new Error(`products.json[${index}]: price_cents: a whole number of cents expected`);
    }
    return {
      sku: text(product['sku'], `products.json[${index}]: sku`, 64),
      name: text(product['name'], `products.json[${index}]: name`, 256),
      priceCents: price,
    };
  });
  if (new Set(products.map((product) => product.sku)).size !== products.length) {
    throw new Error('products.json: a sku stands twice');
  }
  if (facts['products'] !== products.length) {
    throw new Error(`products.json: ${products.length} products, release.json says otherwise`);
  }
  return { commit, products };
}

function parse(members: ReadonlyMap<string, Buffer>, name: string): unknown {
  const bytes = members.get(name) ?? Buffer.alloc(0);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Error(`${name}: not JSON in UTF-8`, { cause });
  }
}

function asRecord(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where}: an object expected`);
  }
  return { ...value };
}

function text(value: unknown, where: string, longest: number): string {
  if (typeof value !== 'string' || value === '' || value.length > longest) {
    throw new Error(`${where}: a text of 1 to ${longest} characters expected`);
  }
  return value;
}

/** @see POSIX.1-2017 pax, ustar interchange format */
function tarMembers(tar: Buffer): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return members;
    checkSum(header);
    const name = field(header, 0, 100).replace(/^\.\//, '');
    const type = field(header, 156, 1);
    const size = octal(header, 124, 12, name);
    const body = tar.subarray(at + block, at + block + size);
    if (body.length !== size) throw new Error(`the archive ends inside ${name}`);
    at += block + Math.ceil(size / block) * block;
    // The directory that `tar -C dir .` writes first.
    if (type === '5' && (name === '' || name === '.')) continue;
    const prefix = field(header, 345, 155);
    if ((type !== '0' && type !== '') || prefix !== '' || !/^[A-Za-z0-9._-]+$/.test(name)) {
      throw new Error(
        `E_ARCHIVE_PATH: ${JSON.stringify(name)}: plain files without a directory expected`,
      );
    }
    if (members.has(name)) throw new Error(`E_ARCHIVE_PATH: ${name} stands twice`);
    members.set(name, body);
  }
  throw new Error('the archive has no end');
}

function field(header: Buffer, from: number, length: number): string {
  const bytes = header.subarray(from, from + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString('latin1');
}

function octal(header: Buffer, from: number, length: number, name: string): number {
  const digits = field(header, from, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits))
    throw new Error(`the archive's header of ${name} is malformed`);
  return Number.parseInt(digits, 8);
}

function checkSum(header: Buffer): void {
  // The sum is taken as if its own eight bytes were spaces.
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  const stated = Number.parseInt(field(header, 148, 8).trim(), 8);
  if (sum !== stated) throw new Error('the archive is damaged: a header checksum does not fit');
}
