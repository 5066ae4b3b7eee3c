/** A sequencer in a process of its own, for tests that kill it: sequences until it is ended. */
import { createPrivateKey } from 'node:crypto';
import { DatabaseSettings } from '@airlock/process/settings';
import { openDatabase } from './client.ts';
import { createLedgerSequencer } from './ledger-sequencer.ts';
import { sequenceLedger } from '../../app/sequence-ledger.ts';

const [, , settings = '', name = '', pem = ''] = process.argv;
const { pool } = openDatabase(DatabaseSettings.parse(JSON.parse(settings)));
const sequencer = createLedgerSequencer(pool);
const signer = { name, privateKey: createPrivateKey(pem) };
for (;;) {
  const { size } = await sequenceLedger({ sequencer, signer });
  process.stdout.write(`${size}\n`);
}
