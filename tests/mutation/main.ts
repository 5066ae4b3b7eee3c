/** `npm run mutate -- [verify] [approval]`: leaves out each refusal of the kernel in turn and says which case notices. */
import { runMutants, type Area } from './run.ts';

const areas: readonly Area[] = ['verify', 'approval'];
const named = process.argv.slice(2);
const unknown = named.filter((name) => !areas.some((area) => area === name));
if (unknown.length > 0) {
  console.error(`airlock: no area ${unknown.join(', ')}; areas are ${areas.join(', ')}`);
  process.exitCode = 2;
} else {
  const chosen = areas.filter((area) => named.length === 0 || named.includes(area));
  const { lines, failures } = await runMutants(chosen);
  for (const line of lines) console.log(line);
  for (const failure of failures) console.error(`✗ ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
