import type { SealedSecret, SecretStore, SecretSummary, Stray } from '../../app/secret-ports.ts';
import type { SecretVersion } from '../../generated/prisma/client.ts';
import { wrappedOf } from './build-dek-store.ts';
import type { Database, Transaction } from './client.ts';

export function createSecretStore(db: Database): SecretStore {
  return {
    async list(project) {
      const rows = await db.secret.findMany({
        where: { project },
        include: {
          versions: { orderBy: { version: 'desc' }, take: 1, omit: { ciphertext: true } },
        },
        orderBy: { name: 'asc' },
      });
      return rows.flatMap((row) => row.versions.map((version) => summary(row, version)));
    },

    async versions(project, name) {
      const row = await db.secret.findUnique({
        where: { project_name: { project, name } },
        include: {
          versions: { orderBy: { version: 'desc' }, take: 100, omit: { ciphertext: true } },
        },
      });
      const [newest] = row?.versions ?? [];
      if (row === null || newest === undefined) return null;
      return {
        secret: summary(row, newest),
        versions: row.versions.map((version) => summary(row, version)),
      };
    },

    count: () => db.secretDek.count(),

    async place(project, name) {
      const row = await db.secret.findUnique({
        where: { project_name: { project, name } },
        include: { versions: { orderBy: { version: 'desc' }, take: 1, select: { version: true } } },
      });
      return { id: row?.id ?? null, lastVersion: row?.versions[0]?.version ?? 0 };
    },

    async addVersion(secret) {
      return await db.$transaction(async (tx) => {
        if (!(await isActive(tx, secret.projectDek.id))) return false;
        if (!(await claimPlace(tx, secret))) return false;
        await eraseVersions(tx, [secret.id], secret.person);
        const { id: secretId, version, person: setBy } = secret;
        await tx.secretVersion.create({
          data: { secretId, version, setBy, ciphertext: Buffer.from(secret.ciphertext) },
        });
        await tx.secretDek.create({
          data: {
            secretId,
            version,
            projectDekId: secret.projectDek.id,
            wrapped: Buffer.from(secret.wrappedDek),
          },
        });
        return true;
      });
    },

    async sealed() {
      const rows = await db.secretDek.findMany({
        include: { projectDek: true, secretRow: { include: { secret: true } } },
        orderBy: [{ secretId: 'asc' }],
      });
      return rows.flatMap(({ version, wrapped, projectDek, secretRow }): SealedSecret[] => {
        const { ciphertext, secret } = secretRow;
        if (ciphertext === null) return [];
        const { id, project, name } = secret;
        // The project is the secret's own: under another's key it must not open.
        const dek = wrappedOf(projectDek);
        return [{ id, project, name, version, projectDek: dek, wrappedDek: wrapped, ciphertext }];
      });
    },

    async erase(project, name, person) {
      return await db.$transaction(async (tx) => {
        const secrets = await tx.secret.findMany({
          where: { project, name },
          select: { id: true },
        });
        const ids = secrets.map(({ id }) => id);
        return (await eraseVersions(tx, ids, person)) > 0;
      });
    },

    async eraseProject(project, person) {
      return await db.$transaction(async (tx) => {
        // Whoever adds a version holds these rows, so that nothing is added under a key that goes.
        await tx.$queryRaw`select id from project_dek where project = ${project} for update`;
        const secrets = await tx.secret.findMany({ where: { project }, select: { id: true } });
        const ids = secrets.map(({ id }) => id);
        const count = await eraseVersions(tx, ids, person);
        await tx.buildDek.deleteMany({ where: { project } });
        await tx.projectDek.deleteMany({ where: { project } });
        return count;
      });
    },

    async strays(limit) {
      const secrets = await db.secretDek.findMany({
        where: { projectDek: { isActive: false } },
        include: { projectDek: true, secretRow: { include: { secret: true } } },
        take: limit,
      });
      const builds = await db.buildDek.findMany({
        where: { projectDek: { isActive: false } },
        include: { projectDek: true },
        take: limit - secrets.length,
      });
      return [
        ...secrets.map((row): Stray => ({
          kind: 'secret',
          project: row.secretRow.secret.project,
          projectDek: wrappedOf(row.projectDek),
          secret: row.secretId,
          name: row.secretRow.secret.name,
          version: row.version,
          wrapped: row.wrapped,
        })),
        ...builds.map((row): Stray => ({
          kind: 'build',
          project: row.project,
          projectDek: wrappedOf(row.projectDek),
          run: row.runId,
          wrapped: row.wrapped,
        })),
      ];
    },

    async moved(stray, { projectDek, wrapped }) {
      const data = { projectDekId: projectDek, wrapped: Buffer.from(wrapped) };
      const from = { projectDekId: stray.projectDek.id };
      const { count } =
        stray.kind === 'build'
          ? await db.buildDek.updateMany({ where: { runId: stray.run, ...from }, data })
          : await db.secretDek.updateMany({
              where: { secretId: stray.secret, version: stray.version, ...from },
              data,
            });
      return count === 1;
    },
  };
}

/** Holds the key until the transaction ends: a rotation or an erasure waits for it. */
async function isActive(tx: Transaction, id: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    select 1 from project_dek where id = ${id} and is_active for share`;
  return rows.length === 1;
}

/** Makes the secret's row or holds it; false when the next version is another one by now. */
async function claimPlace(
  tx: Transaction,
  secret: SealedSecret & { readonly isNew: boolean; readonly description: string },
): Promise<boolean> {
  const { id, project, name, description, version, isNew } = secret;
  if (isNew) {
    const { count } = await tx.secret.createMany({
      data: { id, project, name, description, lowValue: true },
      skipDuplicates: true,
    });
    return count === 1;
  }
  const { count } = await tx.secret.updateMany({ where: { id }, data: { description } });
  const newest = await tx.secretVersion.aggregate({
    where: { secretId: id },
    _max: { version: true },
  });
  return count === 1 && newest._max.version === version - 1;
}

/** Without its key a ciphertext is noise; it goes too, so that the table says what is left. @returns how many had a key. */
async function eraseVersions(tx: Transaction, ids: string[], person: string): Promise<number> {
  const { count } = await tx.secretDek.deleteMany({ where: { secretId: { in: ids } } });
  await tx.secretVersion.updateMany({
    where: { secretId: { in: ids }, erasedAt: null },
    data: { ciphertext: null, erasedBy: person, erasedAt: new Date() },
  });
  return count;
}

function summary(
  row: { id: string; name: string; description: string },
  version: Omit<SecretVersion, 'ciphertext'>,
): SecretSummary {
  const { erasedBy, erasedAt } = version;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    version: version.version,
    setBy: version.setBy,
    setAt: version.setAt,
    erased: erasedBy === null || erasedAt === null ? null : { by: erasedBy, at: erasedAt },
  };
}
