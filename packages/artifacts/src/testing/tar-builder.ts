/** Makes tar archives byte by byte, also such as no packer would make. */

export type BuiltMember = {
  readonly name: string;
  /** One character. Default `0`, a file. */
  readonly type?: string;
  readonly content?: string | Buffer;
  /** Default 0o644. */
  readonly mode?: number;
  readonly link?: string;
  /** What the header says, when it is to lie. Default the length of the content. */
  readonly size?: number;
  /** `ustar` (default), `gnu`, or `v7` without any magic. */
  readonly format?: 'ustar' | 'gnu' | 'v7';
  readonly prefix?: string;
};

const magics = { ustar: 'ustar\u000000', gnu: 'ustar  \u0000', v7: '' } as const;

/** A header and its padded content. */
export function tarMember(member: BuiltMember): Buffer {
  const content = Buffer.from(member.content ?? '');
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, length: number): void => {
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  };
  header.write(member.name, 0, 100, 'utf8');
  octal(member.mode ?? 0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(member.size ?? content.length, 124, 12);
  octal(0, 136, 12);
  header.write(member.type ?? '0', 156, 'latin1');
  header.write(member.link ?? '', 157, 100, 'utf8');
  header.write(magics[member.format ?? 'ustar'], 257, 'latin1');
  header.write(member.prefix ?? '', 345, 155, 'utf8');
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([withChecksum(header), content, padding]);
}

export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

export function tarOf(...members: (BuiltMember | Buffer)[]): Buffer {
  const blocks = members.map((member) => (Buffer.isBuffer(member) ? member : tarMember(member)));
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A PAX header (`x` for the next member, `g` for all) of these records, the length of each counted by itself. */
export function paxHeader(
  records: Readonly<Record<string, string>>,
  type: 'x' | 'g' = 'x',
): Buffer {
  const content = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return tarMember({ name: 'PaxHeaders/0', type, content: Buffer.concat(content) });
}

export function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
