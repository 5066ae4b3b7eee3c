/** Where a verb's lines go: standard output, or a test that reads them. */
export type Print = (lines: readonly string[]) => void;

export const toStdout: Print = (lines) => {
  process.stdout.write(`${lines.join('\n')}\n`);
};
