import type {
  NewVersion,
  SealedSecret,
  SecretReading,
  SecretStore,
  SecretSummary,
  Stray,
} from '../../app/secret-ports.ts';
import { offeredTo } from '../../domain/labels.ts';
import type { SecretVersion } from '../../generated/prisma/client.ts';
import type { Database, Transaction } from './client.ts';
import { filterColumns, filtersOf, kindOf, type FilterRow } from './secret-filter-row.ts';
import { projectDekOf, type ProjectDekColumns } from './project-dek-store.ts';

interface SealedColumns {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly version: number;
  readonly wrapped: Uint8Array;
  readonly ciphertext: Uint8Array;
}

type StrayColumns = { readonly project: string; readonly wrapped: Uint8Array } & (
  | {
      readonly run: null;
      readonly secret: string;
      readonly name: string;
      readonly version: number;
    }
  | { readonly run: string; readonly secret: null; readonly name: null; readonly version: null }
);

export function createSecretStore(db: Database): SecretStore {
  return {
    async list(project, hidden) {
      const rows = await db.secret.findMany({
        where: { project },
        include: {
          versions: { orderBy: { version: 'desc' }, take: 1, omit: { ciphertext: true } },
          reads: { ...newestRead(hidden), take: 1 },
        },
        orderBy: { name: 'asc' },
      });
      return rows.flatMap((row) => row.versions.map((version) => summary(row, version)));
    },

    async offered(repository) {
      const rows = await db.secret.findMany({
        where: {
          OR: [{ project: repository.name }, { labels: { isEmpty: false } }],
          versions: { some: { erasedAt: null } },
        },
      });
      const all = rows.map((row) => ({
        ...{ project: row.project, name: row.name, filters: filtersOf(row) },
      }));
      return offeredTo(repository, all);
    },

    async versions(project, name, hidden) {
      const row = await db.secret.findUnique({
        where: { project_name: { project, name } },
        include: {
          versions: { orderBy: { version: 'desc' }, take: 100, omit: { ciphertext: true } },
          reads: { ...newestRead(hidden), take: 50 },
        },
      });
      const [newest] = row?.versions ?? [];
      if (row === null || newest === undefined) return null;
      return {
        secret: summary(row, newest),
        versions: row.versions.map((version) => summary(row, version)),
        reads: row.reads.map(reading),
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

    // One statement each: Prisma reads relations one after the other, and a key may be moved and deleted in between.
    async sealed() {
      const rows = await db.$queryRaw<(ProjectDekColumns & SealedColumns)[]>`
        select s.id, s.project, s.name, k.version, k.wrapped, v.ciphertext,
          p.id as dek_id, p.project as dek_project, p.wrapped as dek_wrapped
        from secret_dek k
        join secret_version v on v.secret_id = k.secret_id and v.version = k.version
        join secret s on s.id = k.secret_id
        join project_dek p on p.id = k.project_dek_id
        where v.ciphertext is not null
        order by s.id`;
      return rows.map((row): SealedSecret => {
        const { id, project, name, version, wrapped, ciphertext } = row;
        // The project is the secret's own: under another's key it must not open.
        const projectDek = projectDekOf(row);
        return { id, project, name, version, projectDek, wrappedDek: wrapped, ciphertext };
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

    async setFilters(project, name, filters) {
      const { count } = await db.secret.updateMany({
        where: { project, name },
        data: filterColumns(filters),
      });
      return count === 1;
    },

    async strays(limit) {
      const rows = await db.$queryRaw<(ProjectDekColumns & StrayColumns)[]>`
        select * from (
          select s.project, k.wrapped, s.id as secret, s.name, k.version, null as run, k.project_dek_id
          from secret_dek k join secret s on s.id = k.secret_id
          union all
          select b.project, b.wrapped, null, null, null, b.run_id, b.project_dek_id from build_dek b
        ) as wrapped_key
        join (
          select id as dek_id, project as dek_project, wrapped as dek_wrapped
          from project_dek where not is_active
        ) as retired on dek_id = project_dek_id
        limit ${limit}`;
      return rows.map((row): Stray => {
        const { project, wrapped, secret, name, version, run } = row;
        const common = { project, wrapped, projectDek: projectDekOf(row) };
        return run === null
          ? { kind: 'secret', ...common, secret, name, version }
          : { kind: 'build', ...common, run };
      });
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
async function claimPlace(tx: Transaction, secret: SealedSecret & NewVersion): Promise<boolean> {
  const { id, project, name, description, version, isNew, kind, filters } = secret;
  const given = { description, kind, ...(filters === null ? {} : filterColumns(filters)) };
  if (isNew) {
    const { count } = await tx.secret.createMany({
      data: { id, project, name, lowValue: true, ...given },
      skipDuplicates: true,
    });
    return count === 1;
  }
  const { count } = await tx.secret.updateMany({ where: { id }, data: given });
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

const newestFirst = {
  include: { handout: { include: { job: { include: { run: { select: { number: true } } } } } } },
  orderBy: { handout: { givenAt: 'desc' } },
} as const;

const newestRead = (hidden: readonly string[]) => ({
  ...newestFirst,
  where: { handout: { job: { run: { repository: { notIn: [...hidden] } } } } },
});

interface ReadRow {
  readonly step: string;
  readonly version: number;
  readonly handout: {
    readonly givenAt: Date;
    readonly job: { readonly runId: string; readonly run: { readonly number: bigint } };
  };
}

function reading({ step, version, handout }: ReadRow): SecretReading {
  const { runId, run } = handout.job;
  return { runId, runNumber: Number(run.number), step, version, at: handout.givenAt };
}

function summary(
  row: FilterRow & {
    readonly id: string;
    readonly name: string;
    readonly description: string;
    readonly kind: string;
    readonly reads: readonly ReadRow[];
  },
  version: Omit<SecretVersion, 'ciphertext'>,
): SecretSummary {
  const { erasedBy, erasedAt } = version;
  const [lastRead] = row.reads;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    version: version.version,
    setBy: version.setBy,
    setAt: version.setAt,
    erased: erasedBy === null || erasedAt === null ? null : { by: erasedBy, at: erasedAt },
    kind: kindOf(row.kind),
    filters: filtersOf(row),
    lastRead: lastRead === undefined ? null : reading(lastRead),
  };
}
