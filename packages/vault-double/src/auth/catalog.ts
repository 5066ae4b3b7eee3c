/** The auth methods that can be enabled, by type. */
import { ApiFailure } from '../api.ts';
import type { Backend } from '../backend.ts';
import type { Clock } from '../clock.ts';
import type { Profile } from '../profile.ts';
import type { Tokens } from '../tokens.ts';
import { createAppRoleAuth } from './approle.ts';
import { createCertAuth } from './cert.ts';
import { createJwtAuth } from './jwt.ts';

/** @throws ApiFailure 400 for a type that this stand-in does not know, as a server without that plugin answers. */
export function createAuthMethod(
  type: string,
  parts: { mount: string; clock: Clock; tokens: Tokens; profile: Profile },
): Backend {
  switch (type) {
    case 'approle':
      return createAppRoleAuth(parts);
    case 'cert':
      return createCertAuth(parts);
    case 'jwt':
      return createJwtAuth(parts);
    default:
      throw new ApiFailure(400, `plugin not found in the catalog: ${type}`);
  }
}
