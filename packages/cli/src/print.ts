/** Where a verb's lines go: standard output, or a test that reads them. */
export type Print = (lines: readonly string[]) => void;

export const toStdout: Print = (lines) => {
  process.stdout.write(`${lines.join('\n')}\n`);
};

/** Text that others wrote, for a terminal: control characters and bidirectional overrides become visible marks. */
export const safe = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (found) => `\\u{${found.codePointAt(0)?.toString(16) ?? ''}}`);
