import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { appendLeaves } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import {
  cosignaturesOf,
  parseWitnessVkey,
  witnessVkeyOf,
} from '@airlock/common/ledger/cosignature';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import { buildConsistencyProof } from '@airlock/common/ledger/proof';
import { leafHash } from '@airlock/common/ledger/tree';
import { formatAddCheckpoint } from '@airlock/common/ledger/witness';
import { createLog } from '@airlock/process/log';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { testPostgres } from '@airlock/testkit/stack';
import { createWitnessStore } from '../adapters/postgres/witness-store.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { machineClient, writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import { gateIdentity } from './outbox-api.ts';
import { witnessRoutes } from './witness-api.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

const at = new Date('2026-11-22T10:00:00Z');
const key = () => generateKeyPairSync('ed25519').privateKey;
const witnessKey = key();
const verifier = parseWitnessVkey(witnessVkeyOf('nonprod.example/witness', witnessKey));

let directory: string;
let database: TestDatabase;
let server: MachineServer;
let gate: MachineClient;
/** Each test has a log of its own, so a server that knows them all. */
const faults: { origin: string; size: number; detail: string }[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-witness-api-'));
  database = await testDatabase(await testPostgres());
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

async function witnessOf(log: Log): Promise<void> {
  const ca = await createCertificateAuthority('gate-edge');
  const issue = (uriSan: string, usage: 'server' | 'client') =>
    issueCertificate({ ca, uriSan, dnsNames: [], ipAddresses: ['127.0.0.1'], usage, days: 1 });
  const files = async (name: string, usage: 'server' | 'client') =>
    writeTlsFiles(directory, `${log.origin}-${usage}`, ca, await issue(name, usage));
  server = await startMachineServer({
    setting: 'listener',
    listener: {
      host: '127.0.0.1',
      port: 0,
      ...(await files('airlock:nonprod:outbox', 'server')),
    },
    routes: witnessRoutes({
      witnesses: createWitnessStore(database.as('nonprod_outbox')),
      log: log.verifier,
      signer: { name: verifier.name, privateKey: witnessKey },
      clock: () => at,
      onInconsistent: (fault) => faults.push(fault),
    }),
    mayCall: (caller) => caller === gateIdentity,
    onRefusedCaller: () => undefined,
    log: silent,
  });
  gate = machineClient(server.url, await files(gateIdentity, 'client'), 'airlock:nonprod:outbox');
}

type Log = ReturnType<typeof createLedger>;
function createLedger(origin: string) {
  const privateKey = key();
  /** Entries from `forkAt` on are other ones. */
  const at = (size: number, forkAt = Infinity) => {
    const leaves = Array.from({ length: size }, (_, index) =>
      leafHash(Buffer.from(`${index < forkAt ? 'entry' : 'other'} ${index}`)),
    );
    const tree = appendLeaves([], 0, leaves);
    const note = Buffer.from(signCheckpoint({ name: origin, privateKey }, tree));
    const from = async (oldSize: number) => ({
      oldSize,
      note,
      proof:
        oldSize === 0
          ? []
          : await buildConsistencyProof(
              ({ level, n }) =>
                Promise.resolve(
                  tree.dirtyTiles.find((tile) => tile.level === level && tile.n === n)?.hashes ??
                    null,
                ),
              oldSize,
              size,
            ),
    });
    return { note, from };
  };
  return { origin, at, verifier: parseVkey(vkeyOf(origin, privateKey)) };
}

const add = (body: Buffer) => gate.call('POST', '/v1/witness/add-checkpoint', body);

async function withLog(origin: string, work: (log: Log) => Promise<void>): Promise<void> {
  const log = createLedger(origin);
  await witnessOf(log);
  try {
    await work(log);
  } finally {
    gate.close();
    await server.close();
  }
}

test('a ledger that grows is cosigned, and a witness that was asked remembers', async () => {
  await withLog('grows', async (log) => {
    const first = await add(formatAddCheckpoint(await log.at(5).from(0)));
    assert.equal(first.status, 200);
    const cosigned = Buffer.concat([log.at(5).note, first.body]);
    assert.deepEqual(cosignaturesOf(cosigned, [verifier]), [{ witness: verifier, at }]);
    assert.equal((await add(formatAddCheckpoint(await log.at(300).from(5)))).status, 200);
    assert.equal((await add(formatAddCheckpoint(await log.at(300).from(300)))).status, 200);
    const late = await add(formatAddCheckpoint(await log.at(400).from(5)));
    assert.equal(late.status, 409);
    assert.equal(late.body.toString(), '300\n');
    const shrunk = await add(formatAddCheckpoint(await log.at(100).from(0)));
    assert.deepEqual([shrunk.status, shrunk.body.toString()], [409, '300\n']);
    assert.deepEqual(faults, []);
  });
});

test('a rewritten ledger gets no cosignature, and somebody is told', async () => {
  await withLog('rewritten', async (log) => {
    await add(formatAddCheckpoint(await log.at(70).from(0)));
    const rewritten = await add(formatAddCheckpoint(await log.at(300, 40).from(70)));
    assert.equal(rewritten.status, 422);
    const split = await add(formatAddCheckpoint(await log.at(70, 69).from(70)));
    assert.deepEqual([split.status, split.body.toString()], [409, '70\n']);
    assert.deepEqual(
      faults.splice(0).map(({ origin, size }) => [origin, size]),
      [
        ['rewritten', 300],
        ['rewritten', 70],
      ],
    );
    assert.equal((await add(formatAddCheckpoint(await log.at(300).from(70)))).status, 200);
  });
});

test('another log, another key and nonsense are refused by the statuses of the protocol', async () => {
  await withLog('known', async (log) => {
    const stranger = createLedger('unknown');
    assert.equal((await add(formatAddCheckpoint(await stranger.at(3).from(0)))).status, 404);
    const impostor = createLedger('known');
    assert.equal((await add(formatAddCheckpoint(await impostor.at(3).from(0)))).status, 403);
    const altered = await log.at(3).from(0);
    const body = formatAddCheckpoint(altered).toString().replace('\n3\n', '\n4\n');
    assert.equal((await add(Buffer.from(body))).status, 403);
    assert.equal((await add(Buffer.from('old 0\n'))).status, 400);
    assert.equal((await add(Buffer.alloc(80_000, 'x'))).status, 400);
    const ahead = { ...(await log.at(3).from(0)), oldSize: 4 };
    assert.equal((await add(formatAddCheckpoint(ahead))).status, 400);
  });
});

test('of many offers at once none is cosigned that goes behind another', async () => {
  await withLog('at-once', async (log) => {
    const offers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => log.at(10 + index).from(0)),
    );
    const answers = await Promise.all(offers.map((offer) => add(formatAddCheckpoint(offer))));
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 409).length, 19);
  });
});

test('the memory does not go back, whoever writes', async () => {
  await withLog('memory', async (log) => {
    await add(formatAddCheckpoint(await log.at(9).from(0)));
    const owner = database.as('owner');
    const outbox = database.as('nonprod_outbox');
    await assert.rejects(
      owner.$executeRaw`update witnessed_tree set size = 8 where origin = 'memory'`,
      /does not go back/,
    );
    await assert.rejects(
      outbox.$executeRaw`update witnessed_tree set root = sha256('') where origin = 'memory'`,
      /does not go back/,
    );
    await assert.rejects(owner.$executeRaw`delete from witnessed_tree`, /does not forget/);
    await assert.rejects(outbox.$executeRaw`delete from witnessed_tree`, /permission denied/);
    await assert.rejects(
      database.as('nonprod_web').$executeRaw`select * from witnessed_tree`,
      /permission denied/,
    );
  });
});
