// A dot a test; every failure and every skip in full, with its file; one line of totals.
export default async function* failures(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let column = 0;
  for await (const { data, type } of source) {
    const isTest = data.details?.type !== 'suite';
    if (type === 'test:pass' && isTest) {
      if (data.skip) {
        counts.skipped += 1;
        column = 0;
        yield `\n- skipped: ${data.name} (${data.skip === true ? 'no reason given' : data.skip})\n`;
      } else {
        counts.passed += 1;
        column += 1;
        yield column % 100 === 0 ? '.\n' : '.';
      }
    }
    if (type === 'test:fail') {
      if (isTest) counts.failed += 1;
      const error = data.details?.error;
      const cause = error?.cause ?? error;
      column = 0;
      yield `\n✗ ${data.name}\n  ${data.file ?? ''}:${data.line ?? ''}\n${indent(cause?.stack ?? String(cause))}\n`;
    }
  }
  yield `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

const indent = (text) => text.replace(/^/gm, '    ');
