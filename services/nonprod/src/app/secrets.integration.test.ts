import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Secret } from '@airlock/common/secret';
import { createDekCache } from '@airlock/envelope/dek-cache';
import { wrappedVersion } from '@airlock/envelope/kek-provider';
import { testPostgres } from '@airlock/testkit/stack';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId, startRun } from '../testing/fixtures.ts';
import { testSecrets } from '../testing/secrets.ts';
import { createProjectDeks } from './project-deks.ts';
import { openSecret } from './seal-secret.ts';
import { moveToActiveDeks, rewrapProjectDeks } from './rewrap-keys.ts';
import type { SealedSecret } from './secret-ports.ts';

const person = 'oke@demo.example';
let database: TestDatabase;
let it: ReturnType<typeof testSecrets>;
let projects = 0;

before(async () => {
  database = await testDatabase(await testPostgres());
  it = testSecrets(database);
});
after(async () => {
  it.remove();
  await database.close();
});

const newProject = (): string => `shop/p${(projects += 1)}`;

async function set(project: string, name: string, value: string): Promise<void> {
  const wish = {
    project,
    name,
    description: '',
    kind: 'value' as const,
    filters: null,
    value: new Secret(value),
    person,
  };
  assert.equal((await it.manage.set(wish)).kind, 'set');
}

const ofProject = async (project: string): Promise<readonly SealedSecret[]> =>
  (await it.secrets.sealed()).filter((secret) => secret.project === project);

/** Every value of a project by name, read with nothing in memory. */
async function values(project: string): Promise<Record<string, string>> {
  const deks = it.freshDeks();
  const read = (await ofProject(project)).map(
    async (secret) => [secret.name, (await openSecret(deks, secret)).reveal()] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

test('what is set is what is read, and the newest version alone is', async () => {
  const project = newProject();
  await set(project, 'TOKEN', 'first value');
  await set(project, 'TOKEN', 'second value');
  await set(project, 'OTHER', 'ünïcode\nover two lines');
  assert.deepEqual(await values(project), {
    TOKEN: 'second value',
    OTHER: 'ünïcode\nover two lines',
  });
  const list = await it.secrets.list(project, []);
  assert.deepEqual(
    list.map(({ name, version, setBy, erased }) => ({ name, version, setBy, erased })),
    [
      { name: 'OTHER', version: 1, setBy: person, erased: null },
      { name: 'TOKEN', version: 2, setBy: person, erased: null },
    ],
  );
  const history = await it.secrets.versions(project, 'TOKEN', []);
  assert.deepEqual(
    history?.versions.map(({ version, erased }) => [version, erased?.by]),
    [
      [2, undefined],
      [1, person],
    ],
  );
});

test('ten people who set the same name at once make ten versions, one of which stands', async () => {
  const project = newProject();
  const wishes = Array.from({ length: 10 }, (_, index) => `value ${index}`);
  const answers = await Promise.all(
    wishes.map((value) =>
      it.manage.set({
        project,
        name: 'RACE',
        description: '',
        kind: 'value' as const,
        filters: null,
        value: new Secret(value),
        person,
      }),
    ),
  );
  const versions = answers.flatMap((answer) => (answer.kind === 'set' ? [answer.version] : []));
  assert.equal(new Set(versions).size, versions.length);
  assert.equal((await it.secrets.list(project, []))[0]?.version, Math.max(...versions));
  assert.equal((await ofProject(project)).length, 1);
  assert.ok(wishes.includes((await values(project))['RACE'] ?? ''));
});

const moves = [
  ['another project', { project: 'shop/elsewhere' }],
  ['another secret', { id: 'sec_0000000000' }],
  ['another name', { name: 'PUBLIC' }],
  ['another version', { version: 2 }],
] as const;
for (const [where, change] of moves) {
  test(`a row that is moved to ${where} does not open`, async () => {
    const project = newProject();
    await set(project, 'TOKEN', 'a value of its own');
    const [secret] = await ofProject(project);
    assert.ok(secret !== undefined);
    assert.equal((await openSecret(it.deks, secret)).reveal(), 'a value of its own');
    await assert.rejects(openSecret(it.deks, { ...secret, ...change }), {
      code: 'envelope-unopenable',
    });
  });
}

test('whoever writes the database cannot have one secret given out as another', async () => {
  const [one, two] = [newProject(), newProject()];
  await set(one, 'DEPLOY', 'for few');
  await set(one, 'LINT', 'for all');
  await set(two, 'DEPLOY', 'of another project');
  const owner = database.as('owner');
  const rename = async (project: string, from: string, to: string): Promise<void> => {
    await owner.secret.updateMany({ where: { project, name: from }, data: { name: to } });
  };
  await rename(one, 'LINT', 'X');
  await rename(one, 'DEPLOY', 'LINT');
  const moved = (await ofProject(one)).find(({ name }) => name === 'LINT');
  assert.ok(moved !== undefined);
  await assert.rejects(openSecret(it.deks, moved), { code: 'envelope-unopenable' });

  const [foreign] = await ofProject(two);
  assert.ok(foreign !== undefined);
  const [home] = await ofProject(one);
  assert.ok(home !== undefined);
  await owner.secretDek.update({
    where: { secretId_version: { secretId: foreign.id, version: foreign.version } },
    data: { projectDekId: home.projectDek.id },
  });
  const [grafted] = await ofProject(two);
  assert.ok(grafted !== undefined);
  await assert.rejects(openSecret(it.deks, grafted), { code: 'envelope-unopenable' });
  // A project key that is handed to another project does not even unwrap.
  await owner.projectDek.update({
    where: { id: home.projectDek.id },
    data: { project: two, isActive: false },
  });
  const [adopted] = await ofProject(two);
  assert.ok(adopted !== undefined);
  await assert.rejects(openSecret(it.freshDeks(), adopted), { code: 'envelope-unopenable' });
  // Nothing of this disorder is left to the tests after it.
  const ids = (await owner.secret.findMany({ where: { project: { in: [one, two] } } })).map(
    ({ id }) => id,
  );
  await owner.secretDek.deleteMany({ where: { secretId: { in: ids } } });
  await owner.projectDek.deleteMany({ where: { project: { in: [one, two] } } });
});

test('a new project key wraps what comes next, and takes over the rest; the old one is deleted', async () => {
  const project = newProject();
  await set(project, 'TOKEN', 'the value stays');
  const run = await startRun(database);
  const box = await it.boxed(project, run.id, 'boxed');
  const before = await it.deks.active(project);

  assert.equal(await it.manage.rotate(project, person), true);
  const active = await it.deks.active(project);
  assert.notEqual(active.id, before.id);
  assert.deepEqual(await values(project), { TOKEN: 'the value stays' });
  await set(project, 'NEXT', 'under the new key');

  const move = () =>
    moveToActiveDeks({ secrets: it.secrets, dekStore: it.dekStore, deks: it.deks });
  const racing = await Promise.all([move(), move()]);
  assert.equal(racing[0] + racing[1], 2);
  assert.equal(await move(), 0);
  assert.ok((await ofProject(project)).every(({ projectDek }) => projectDek.id === active.id));
  const left = (await it.dekStore.all()).filter((dek) => dek.project === project);
  assert.deepEqual(
    left.map(({ id }) => id),
    [active.id],
  );
  assert.deepEqual(await values(project), { NEXT: 'under the new key', TOKEN: 'the value stays' });
  assert.equal(await it.reopen(project, box), 'boxed');
});

test('setting and rotating at the same time loses no value', async () => {
  const project = newProject();
  await set(project, 'S0', 'value 0');
  const names = Array.from({ length: 8 }, (_, index) => `S${index + 1}`);
  const move = () =>
    moveToActiveDeks({ secrets: it.secrets, dekStore: it.dekStore, deks: it.deks });
  await Promise.all([
    ...names.map((name) => set(project, name, `value of ${name}`)),
    it.manage.rotate(project, person).then(move),
    it.manage.rotate(project, person),
  ]);
  await move();
  const read = await values(project);
  assert.deepEqual(Object.keys(read).length, 9);
  for (const name of names) assert.equal(read[name], `value of ${name}`);
});

/** A kill in the middle of things: the `nth` call, before or after it took effect, is the last one. */
function dyingAt<Store extends object>(store: Store, at: { left: number; after: boolean }): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        at.left -= 1;
        if (at.left === 0 && !at.after) throw new Error('killed before');
        // Every member of a store answers with a promise.
        const answer = await (member as (...given: unknown[]) => Promise<unknown>)(...args);
        if (at.left === 0) throw new Error('killed after');
        return answer;
      };
    },
  });
}

test('a rotation that is killed at any of its steps is finished by the next run, and no value is lost', async () => {
  let died = 0;
  for (const after of [false, true]) {
    for (let nth = 1; ; nth += 1) {
      const project = newProject();
      const run = await startRun(database);
      await set(project, 'ONE', 'value one');
      await set(project, 'TWO', 'value two');
      const box = await it.boxed(project, run.id, 'boxed');
      const at = { left: nth, after };
      const [secrets, dekStore] = [dyingAt(it.secrets, at), dyingAt(it.dekStore, at)];
      const { kek } = it;
      const cache = createDekCache(kek);
      const deks = createProjectDeks({ kek, cache, deks: dekStore, newId });
      let killed = false;
      try {
        const active = await deks.active(project);
        await deks.rotate(project, active.id);
        await moveToActiveDeks({ secrets, dekStore, deks });
      } catch (error) {
        killed = error instanceof Error && error.message.startsWith('killed');
        if (!killed) throw error;
        died += 1;
      }
      await moveToActiveDeks({ secrets: it.secrets, dekStore: it.dekStore, deks: it.freshDeks() });
      const left = (await it.dekStore.all()).filter((dek) => dek.project === project);
      assert.deepEqual([left.length, left[0]?.isActive], [1, true], `${nth} ${after}`);
      assert.deepEqual(await values(project), { ONE: 'value one', TWO: 'value two' });
      assert.equal(await it.reopen(project, box), 'boxed');
      if (!killed) break;
    }
  }
  assert.ok(died >= 16, `${died} places to die`);
});

test('after a new version of the key-encryption key every project key comes under it, and the old file can go', async () => {
  const project = newProject();
  await set(project, 'TOKEN', 'survives the rotation');
  it.newKeyVersion(2);
  const rewrap = () => rewrapProjectDeks({ kek: it.kek, deks: it.dekStore });
  const [one, two] = await Promise.all([rewrap(), rewrap()]);
  const all = await it.dekStore.all();
  assert.equal(one + two, all.length);
  assert.ok(all.every(({ wrapped }) => wrappedVersion(wrapped) === 2));
  assert.equal(await rewrap(), 0);
  rmSync(join(it.directory, '1.key'));
  assert.deepEqual(await values(project), { TOKEN: 'survives the rotation' });
});

test('a project key that cannot be rewrapped does not hold up the others, and is reported', async () => {
  const project = newProject();
  await set(project, 'TOKEN', 'of a healthy project');
  const broken = newId('dek');
  const owner = database.as('owner');
  await owner.projectDek.create({
    data: { id: broken, project: '00/broken', wrapped: 'file:v1:AAAA', isActive: true },
  });
  it.newKeyVersion(3);
  await assert.rejects(rewrapProjectDeks({ kek: it.kek, deks: it.dekStore }), {
    code: 'kek-version-missing',
  });
  const healthy = (await it.dekStore.all()).filter(({ id }) => id !== broken);
  assert.ok(healthy.every(({ wrapped }) => wrappedVersion(wrapped) === 3));
  await owner.projectDek.delete({ where: { id: broken } });
});

test('an erased secret is gone with its key, once, and may be set again', async () => {
  const project = newProject();
  await set(project, 'TOKEN', 'to be forgotten');
  assert.equal(await it.manage.erase(project, 'TOKEN', person), true);
  assert.equal(await it.manage.erase(project, 'TOKEN', person), false);
  assert.equal(await it.manage.erase(project, 'NEVER', person), false);
  assert.deepEqual(await values(project), {});
  assert.equal((await it.secrets.list(project, []))[0]?.erased?.by, person);
  await set(project, 'TOKEN', 'set again');
  assert.deepEqual(await values(project), { TOKEN: 'set again' });
  assert.equal((await it.secrets.list(project, []))[0]?.version, 2);
});

test('what a dump held before an erasure does not open with all the keys that are left after', async () => {
  const project = newProject();
  await set(project, 'KEPT', 'stays readable');
  await set(project, 'TOKEN', 'to be forgotten');
  const run = await startRun(database);
  const box = await it.boxed(project, run.id, 'boxed');
  const copied = (await ofProject(project)).find(({ name }) => name === 'TOKEN');
  assert.ok(copied !== undefined);
  await it.manage.erase(project, 'TOKEN', person);
  await it.boxes.erase(run.id);
  // Everything that the database still has, tried on the copied ciphertext.
  const deks = it.freshDeks();
  for (const left of await it.secrets.sealed()) {
    const { wrappedDek, projectDek } = left;
    await assert.rejects(openSecret(deks, { ...copied, wrappedDek, projectDek }), {
      code: 'envelope-unopenable',
    });
  }
  await assert.rejects(it.reopen(project, box), { code: 'envelope-unopenable' });
  assert.deepEqual(await values(project), { KEPT: 'stays readable' });
});

test('erasing a project leaves no key of it, and another project keeps its own', async () => {
  const [project, other] = [newProject(), newProject()];
  await set(project, 'A', 'value a');
  await set(project, 'B', 'value b');
  await set(other, 'A', 'another value');
  const run = await startRun(database);
  const box = await it.boxed(project, run.id, 'boxed');
  assert.equal(await it.manage.eraseProject(project, person), 2);
  assert.equal(await it.manage.eraseProject(project, person), 0);
  assert.deepEqual(await values(project), {});
  assert.equal(await it.builds.find(run.id), null);
  assert.equal(await it.dekStore.active(project), null);
  assert.deepEqual(await values(other), { A: 'another value' });
  await assert.rejects(it.reopen(project, box), { code: 'envelope-unopenable' });
});

test('boxes of one build do not open with a key of another', async () => {
  const project = newProject();
  const [one, two] = [await startRun(database), await startRun(database)];
  const box = await it.boxed(project, one.id, 'boxed');
  await it.boxed(project, two.id, 'boxed too');
  assert.equal(await it.reopen(project, box), 'boxed');
  const moved = { ...box, place: { ...box.place, run: two.id } };
  await assert.rejects(it.reopen(project, moved), { code: 'envelope-unopenable' });
});

test('the key of a build that is over is erased', async () => {
  const project = newProject();
  const [over, running] = [await startRun(database, { state: 'failed' }), await startRun(database)];
  for (const { id } of [over, running]) {
    await it.boxed(project, id, 'boxed');
  }
  assert.ok((await it.builds.eraseFinished()) >= 1);
  assert.equal(await it.builds.find(over.id), null);
  assert.notEqual(await it.builds.find(running.id), null);
});

for (const role of ['nonprod_scheduler', 'nonprod_outbox'] as const) {
  test(`${role} reads no row of a secret, not even its name`, async () => {
    const db = database.as(role);
    for (const read of [db.secret, db.secretVersion, db.secretDek, db.projectDek, db.buildDek]) {
      // The tables have nothing in common but this.
      const count = (): Promise<number> => (read as { count(): Promise<number> }).count();
      await assert.rejects(count(), /permission denied|denied access/i);
    }
  });
}
