/** The gate's question which secrets are kept here; see `@airlock/common/wire/secret-marks`. */
import {
  SecretMarksRequest,
  secretMarksPath,
  type SecretMarks,
} from '@airlock/common/wire/secret-marks';
import { readJson, type MachineRoute } from '@airlock/process/machine-server';

const maxBodyBytes = 1024;

export function secretMarksRoutes(
  ask: (request: SecretMarksRequest) => Promise<SecretMarks>,
): MachineRoute[] {
  return [
    {
      method: 'POST',
      path: secretMarksPath,
      async handle({ request }) {
        return {
          status: 200,
          json: await ask(await readJson(request, SecretMarksRequest, maxBodyBytes)),
        };
      },
    },
  ];
}
