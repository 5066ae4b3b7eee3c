/** Every drill that there is, in the order in which they run. */
import { budgetDrills } from './budgets.ts';
import { buildStormDrills } from './build-storm.ts';
import { cacheDrills } from './caches.ts';
import type { Drill } from './drill.ts';
import { dbaDrills } from './dba.ts';
import { driftDrills } from './drift.ts';
import { gateDrills } from './gate-door.ts';
import { hookDrills } from './hook-door.ts';
import { memberDrills } from './member-door.ts';
import { outputDrills } from './outputs.ts';
import { ownNonprodDrills } from './own-nonprod.ts';
import { placementDrills } from './placement.ts';
import { runnerDrills } from './runner-door.ts';
import { sandboxDrills } from './sandbox.ts';
import { secretDrills } from './secrets.ts';
import { stopDrills } from './stops.ts';
import { vaultAdminDrills } from './vault-admin.ts';
import { watchedBuildDrills } from './watched-builds.ts';
import { webDrills } from './web-door.ts';

export const drills: readonly Drill[] = [
  ...hookDrills,
  ...webDrills,
  ...memberDrills,
  ...runnerDrills,
  ...placementDrills,
  ...sandboxDrills,
  ...secretDrills,
  ...cacheDrills,
  ...outputDrills,
  ...watchedBuildDrills,
  ...budgetDrills,
  ...buildStormDrills,
  ...dbaDrills,
  ...ownNonprodDrills,
  ...gateDrills,
  ...stopDrills,
  ...driftDrills,
  ...vaultAdminDrills,
];
