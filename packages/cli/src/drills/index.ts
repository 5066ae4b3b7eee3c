/** Every drill that there is, in the order in which they run. */
import { cacheDrills } from './caches.ts';
import type { Drill } from './drill.ts';
import { dbaDrills } from './dba.ts';
import { gateDrills } from './gate-door.ts';
import { hookDrills } from './hook-door.ts';
import { memberDrills } from './member-door.ts';
import { ownNonprodDrills } from './own-nonprod.ts';
import { placementDrills } from './placement.ts';
import { runnerDrills } from './runner-door.ts';
import { sandboxDrills } from './sandbox.ts';
import { secretDrills } from './secrets.ts';
import { stopDrills } from './stops.ts';
import { vaultAdminDrills } from './vault-admin.ts';
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
  ...dbaDrills,
  ...ownNonprodDrills,
  ...gateDrills,
  ...stopDrills,
  ...vaultAdminDrills,
];
