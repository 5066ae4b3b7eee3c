/** What a proposal changes, line by line, for the person who is asked to sign it. */
import { TrustFile, type TrustFileRow } from '@airlock/common/trust/trust-file';
import type { ConfigurationBytes } from '@airlock/process/configuration-directory';

/** None when nothing changes. */
export function changesBetween(before: ConfigurationBytes, after: ConfigurationBytes): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [before.get(path) ?? null, after.get(path) ?? null];
    if (was !== null && is?.equals(was) === true) return [];
    const what = was === null ? 'new file' : is === null ? 'file goes away' : 'changes';
    const lines =
      path === 'trust.json'
        ? rowChanges(rowsOf(was), rowsOf(is))
        : lineChanges(textOf(was), textOf(is));
    return [`${path}: ${what}`, ...lines.map((line) => `  ${line}`)];
  });
}

const textOf = (bytes: Buffer | null): string[] =>
  bytes === null ? [] : bytes.toString('utf8').replace(/\n$/, '').split('\n');

function rowsOf(bytes: Buffer | null): readonly TrustFileRow[] {
  if (bytes === null) return [];
  const parsed = TrustFile.safeParse(JSON.parse(bytes.toString('utf8')));
  return parsed.success ? parsed.data.signers : [];
}

function rowChanges(before: readonly TrustFileRow[], after: readonly TrustFileRow[]): string[] {
  const of = (rows: readonly TrustFileRow[], keyid: string) =>
    rows.find((row) => row.keyid === keyid);
  const keyids = [...new Set([...before, ...after].map(({ keyid }) => keyid))];
  return keyids.flatMap((keyid) => {
    const [was, is] = [of(before, keyid), of(after, keyid)];
    if (is === undefined) return [`- key ${keyid} goes away`];
    if (was === undefined) return [`+ key ${keyid}`, ...membersOf(is).map((line) => `    ${line}`)];
    const [old, now] = [membersOf(was), membersOf(is)];
    if (old.join('\n') === now.join('\n')) return [];
    return [
      `~ key ${keyid} (${was.roles.join(', ')}${was.builderIds.length === 0 ? '' : ` for ${was.builderIds.join(', ')}`})`,
      ...old.filter((line) => !now.includes(line)).map((line) => `  - ${line}`),
      ...now.filter((line) => !old.includes(line)).map((line) => `  + ${line}`),
    ];
  });
}

const membersOf = (row: TrustFileRow): string[] =>
  Object.entries(row)
    .filter(([name]) => name !== 'keyid' && name !== 'publicKeyPem')
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(', ') : value}`);

/** The changed lines with what they replace, in their order (longest common subsequence). */
function lineChanges(before: readonly string[], after: readonly string[]): string[] {
  const common = commonLengths(before, after);
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0;
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push(`- ${before[i] ?? ''}`);
      i += 1;
    } else {
      lines.push(`+ ${after[j] ?? ''}`);
      j += 1;
    }
  }
  return lines;
}

/** `[i][j]`: how many lines `before` from i and `after` from j have in common, in order. */
function commonLengths(before: readonly string[], after: readonly string[]): number[][] {
  const rows: number[][] = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = rows[i] ?? [];
      row[j] =
        before[i] === after[j]
          ? (rows[i + 1]?.[j + 1] ?? 0) + 1
          : Math.max(rows[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}
