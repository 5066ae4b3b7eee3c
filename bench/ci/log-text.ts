/** What builds print: numbered lines of 95 bytes, with paths, durations and words. */
export function logText(lines: number): string {
  return Array.from({ length: lines }, (_, at) => {
    const start = `[${String(at % 1_000).padStart(4, '0')}] `;
    const kind = kinds[at % kinds.length] ?? '';
    return `${(start + kind).padEnd(lineBytes - 1, ' and so on').slice(0, lineBytes - 1)}\n`;
  }).join('');
}

/** Of each line, its line feed included. */
export const lineBytes = 95;

const kinds = [
  'PASS src/orders/tax.test.ts (1.204 s) rounds half up, per line, in every currency of the list',
  'npm http fetch GET 200 https://registry.example/left-pad/-/left-pad-1.3.0.tgz 142ms (cache hit)',
  '  at Object.<anonymous> (/workspace/src/checkout/basket.ts:118:23) in async Promise.all (index 3)',
  'gcc -O2 -Wall -fstack-protector-strong -D_FORTIFY_SOURCE=2 -c -o build/parse.o lib/parse.c',
  '2026-11-22T10:14:07.331Z INFO  [main] o.s.b.w.e.tomcat.TomcatWebServer started on port 8080',
];
