/** What no delivery can leave out, each done alone beside a running pair, in milliseconds. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import { migrate } from '@airlock/database/migrate';
import { issuer, root, target } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { vaultNamesFor } from '@airlock/demo/vault';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { createLoginSigner } from '../../services/prod-gate/src/adapters/authority/login-signer.ts';
import { openDatabase } from '../../services/prod-gate/src/adapters/postgres/client.ts';
import { createLedgerSequencer } from '../../services/prod-gate/src/adapters/postgres/ledger-sequencer.ts';
import { createVaultLogin } from '../../services/prod-gate/src/adapters/vault/login.ts';
import { VaultError } from '../../services/prod-gate/src/app/vault-ports.ts';
import { sequenceLedger } from '../../services/prod-gate/src/app/sequence-ledger.ts';

export type Part = 'checkpoint' | 'login at Vault' | 'credential read' | 'sandbox start';

const ledgerDatabase = 'bench_ledger';

/**
 * @param hook directory of the hook that says when it began.
 * @returns `measure` does every part once.
 */
export async function unavoidable(
  pair: Pair,
  hook: string,
): Promise<{ measure(): Promise<Record<Part, number>>; close(): Promise<void> }> {
  const ledger = await openLedger(pair);
  const signer = createLoginSigner(pair.keys.authority.keyFile);
  const vault = createVaultLogin(
    { address: pair.vault.address, requestTimeoutSeconds: 5 },
    // As the pair's own deliverer: the stand-in is taken in a demo only.
    { AIRLOCK_DEMO: '1' },
  );
  const { jwtMount, jwtRole, reads } = vaultNamesFor(pair.vault, pair.keys).login;
  const [read] = reads;
  if (read === undefined) throw new Error('the demo reads a credential');

  const logIn = async (): Promise<{ login: number; credential: number }> => {
    const iat = Math.floor(Date.now() / 1000);
    const jwt = await signer.sign({
      ...{ iss: issuer, aud: `vault-prod/${target}`, sub: `target:${target}`, target },
      ...{ purpose: 'delivery', approval_state: 'satisfied', approvals: '2' },
      delivery_id: 'dlv_bench',
      promotion_digest: 'a'.repeat(64),
      artifact_digest: 'b'.repeat(64),
      commit: 'c'.repeat(40),
      policy_rev: 'd'.repeat(64),
      jti: randomBytes(8).toString('hex'),
      ...{ iat, nbf: iat, exp: iat + 30 },
    });
    const { signal } = new AbortController();
    const start = performance.now();
    const token = await vault.login({ mount: jwtMount, role: jwtRole, jwt, signal });
    const loggedIn = performance.now();
    try {
      await token.read(read, { signal });
      return { login: loggedIn - start, credential: performance.now() - loggedIn };
    } finally {
      await token.revokeSelf();
    }
  };

  /** The watchdog of the pair ends every token of the target some seconds after a delivery; this one's is then taken anew. */
  async function logInUndisturbed() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await logIn();
      } catch (cause) {
        const isSwept = cause instanceof VaultError && cause.code === 'vault-refused';
        if (!isSwept || attempt === 3) throw cause;
      }
    }
  }

  async function startSandbox(): Promise<number> {
    const out = join(pair.layout.work, `out-${randomBytes(4).toString('hex')}`);
    mkdirSync(out);
    let text = '';
    const start = Date.now();
    await runSandboxed({
      command: ['/hook/run'],
      env: { PATH: '/usr/bin:/bin', AIRLOCK_OUT: '/out' },
      binds: [
        { source: hook, target: '/hook' },
        { source: out, target: '/out', writable: true },
      ],
      files: [],
      workingDirectory: '/out',
      hostname: 'hook',
      limits: { wallSeconds: 30, fileBytes: 1 << 20, processes: 64, openFiles: 256 },
      onOutput: (_stream, chunk) => {
        text += chunk.toString();
      },
    });
    const began = /^began=(\d+)$/m.exec(text)?.[1];
    if (began === undefined) throw new Error(`the sandbox printed: ${text}`);
    return Number(began) / 1e6 - start;
  }

  return {
    async measure() {
      const checkpoint = await ledger.checkpoint();
      const { login, credential } = await logInUndisturbed();
      const sandbox = await startSandbox();
      return {
        checkpoint,
        'login at Vault': login,
        'credential read': credential,
        'sandbox start': sandbox,
      };
    },
    close: () => ledger.close(),
  };
}

/** A ledger of its own in the pair's Postgres, so that the pair's watchdog does not sign what is timed here. */
async function openLedger(pair: Pair) {
  const { host, port, superuser, password } = pair.postgres;
  await pair.postgres.createDatabase(ledgerDatabase);
  await migrate({
    pool: { host, port, user: superuser, password, database: ledgerDatabase },
    migrationsDirectory: join(root, 'prisma/prod-gate/migrations'),
    grantsFile: join(root, 'prisma/prod-gate/grants.sql'),
  });
  const openAs = (user: 'gate_intake' | 'gate_watchdog') =>
    openDatabase({
      ...{ host, port, name: ledgerDatabase, user },
      passwordFile: join(pair.layout.keys, 'database', user),
    });
  const [intake, watchdog] = [openAs('gate_intake'), openAs('gate_watchdog')];
  const sequencer = createLedgerSequencer(watchdog.pool);
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    /** From an entry that is about to be written to the signed checkpoint that has it. */
    async checkpoint(): Promise<number> {
      const body = ledgerEntry({
        ...{ type: 'git.head', at: new Date().toISOString(), actor: 'intake' },
        subjectDigest: randomBytes(32).toString('hex'),
        refs: { commit: randomBytes(20).toString('hex'), position: '1' },
      });
      const start = performance.now();
      await intake.pool.query('insert into ledger_pending (body) values ($1)', [body]);
      const signer = { name: 'bench.example/ledger', privateKey };
      const { added } = await sequenceLedger({ sequencer, signer });
      if (added !== 1) throw new Error(`${added} entries were signed`);
      return performance.now() - start;
    },
    async close() {
      await intake.close();
      await watchdog.close();
    },
  };
}
