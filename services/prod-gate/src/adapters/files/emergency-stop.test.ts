import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createEmergencyReader, createEmergencyStop } from './emergency-stop.ts';

const since = new Date('2026-11-22T10:00:00.123Z');
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-emergency-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

const file = (): string => join(directory, 'emergency-stop');
const place = () => ({ administratorsFile: join(directory, 'administrators.json') });
function set(text: string): void {
  writeFileSync(file(), text);
  utimesSync(file(), since, since);
}

describe('the file of the emergency stop', () => {
  test('stops while it is there, whatever stands in it, and no longer', () => {
    const emergency = createEmergencyStop(place());
    assert.equal(emergency(), null);
    set('');
    assert.deepEqual(emergency(), since);
    rmSync(file());
    assert.equal(emergency(), null);
  });

  test('stops as a link that leads nowhere', () => {
    symlinkSync(join(directory, 'gone'), file());
    assert.ok(createEmergencyStop(place())() instanceof Date);
  });

  test('stops where it cannot be looked at, and is then nothing to keep', () => {
    writeFileSync(join(directory, 'no-directory'), '');
    const beside = { administratorsFile: join(directory, 'no-directory/administrators.json') };
    assert.deepEqual(createEmergencyStop(beside)(), new Date(0));
    assert.equal(createEmergencyReader(beside)(), null);
  });

  test('says since when and why in its first line, cut to what a stop may say', () => {
    const read = createEmergencyReader(place());
    assert.equal(read(), null);
    set('the IdP is owned\u001b[2J by them\nmore');
    assert.deepEqual(read(), { since, reason: 'the IdP is owned [2J by them' });
    set('\n');
    assert.deepEqual(read(), { since, reason: null });
    set('é'.repeat(5_000));
    assert.equal(read()?.reason, 'é'.repeat(500));
  });
});
