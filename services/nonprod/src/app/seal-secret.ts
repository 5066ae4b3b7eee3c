/** From a value to what lies in the rows, and back. */
import { Secret } from '@airlock/common/secret';
import { contextOf } from '@airlock/envelope/context';
import { newKey, openSealed, seal } from '@airlock/envelope/seal';
import type { ProjectDeks } from './project-deks.ts';
import type { SealedSecret } from './secret-ports.ts';

type Place = Pick<SealedSecret, 'id' | 'project' | 'name' | 'version' | 'projectDek'>;

/** Under a key of its own, so that two equal values cannot be told from two others. */
export async function sealSecret(
  deks: Pick<ProjectDeks, 'use'>,
  place: Place,
  value: Secret,
): Promise<SealedSecret> {
  const key = newKey();
  const plain = Buffer.from(value.reveal(), 'utf8');
  try {
    return {
      ...place,
      ciphertext: seal(key, plain, valueContext(place)),
      wrappedDek: await deks.use(place.projectDek, (projectKey) =>
        seal(projectKey, key, dekContext(place)),
      ),
    };
  } finally {
    key.fill(0);
    plain.fill(0);
  }
}

/** @throws EnvelopeError also when the row is not where it was sealed for. */
export async function openSecret(
  deks: Pick<ProjectDeks, 'use'>,
  secret: SealedSecret,
): Promise<Secret> {
  const key = await deks.use(secret.projectDek, (projectKey) =>
    openSealed(projectKey, secret.wrappedDek, dekContext(secret)),
  );
  try {
    const plain = openSealed(key, secret.ciphertext, valueContext(secret));
    try {
      return new Secret(plain.toString('utf8'));
    } finally {
      plain.fill(0);
    }
  } finally {
    key.fill(0);
  }
}

function dekContext({ id, project, name, version, projectDek }: Place): Buffer {
  return contextOf({ type: 'secret-dek', project, dek: projectDek.id, secret: id, name, version });
}

function valueContext({ id, project, name, version }: Place): Buffer {
  return contextOf({ type: 'secret-value', project, secret: id, name, version });
}
