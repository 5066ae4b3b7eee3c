// Beside the dots: every failure and every skip in full, with its file, and one line of totals.
export default async function* failures(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const event of source) {
    const { data, type } = event;
    if (type === 'test:pass' && data.details?.type !== 'suite') {
      if (data.skip) {
        counts.skipped += 1;
        yield `\n- skipped: ${data.name} (${data.skip === true ? 'no reason given' : data.skip})\n`;
      } else counts.passed += 1;
    }
    if (type === 'test:fail') {
      if (data.details?.type !== 'suite') counts.failed += 1;
      const error = data.details?.error;
      const cause = error?.cause ?? error;
      yield `\n✗ ${data.name}\n  ${data.file ?? ''}:${data.line ?? ''}\n${indent(cause?.stack ?? String(cause))}\n`;
    }
    if (type === 'test:stderr' && data.message.includes('AIRLOCK')) yield data.message;
  }
  yield `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}

const indent = (text) => text.replace(/^/gm, '    ');
