/** Every drill that there is, in the order in which they run. */
import type { Drill } from './drill.ts';
import { hookDrills } from './hook-door.ts';
import { sandboxDrills } from './sandbox.ts';
import { secretDrills } from './secrets.ts';
import { webDrills } from './web-door.ts';

export const drills: readonly Drill[] = [
  ...hookDrills,
  ...webDrills,
  ...sandboxDrills,
  ...secretDrills,
];
