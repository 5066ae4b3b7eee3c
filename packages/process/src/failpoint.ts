let passed = 0;

/**
 * A place where a test may kill this process as a power cut would: with `AIRLOCK_FAILPOINT=name` at the first
 * passage, with `AIRLOCK_FAILPOINT=name:3` at the third. Does nothing otherwise, and never outside the demo
 * (`AIRLOCK_DEMO=1`): whoever can set an environment in production shall not choose where a delivery stops.
 */
export function failpoint(name: string): void {
  const wanted = process.env['AIRLOCK_FAILPOINT'];
  if (wanted === undefined || process.env['AIRLOCK_DEMO'] !== '1') return;
  const [wantedName, nth] = wanted.split(':');
  if (wantedName !== name) return;
  passed += 1;
  if (passed === Number(nth ?? 1)) process.kill(process.pid, 'SIGKILL');
}
