import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SignerError } from '../../app/signer-error.ts';
import { plan } from '../../testing/fixtures.ts';
import { createSignerClient } from './signer-client.ts';

const body = {
  subject: { name: 'web.tar.gz', sha256: 'a'.repeat(64) },
  repository: 'https://git.example/shop/web.git',
  ref: 'refs/heads/main',
  commit: 'b'.repeat(40),
  pipeline: '.woodpecker.yaml',
  release: '.airlock/release.yaml',
  invocationId: 'https://ci.example/runs/run_1',
  attestation: '{}',
  plan,
};

/** Asks a server on a unix socket that gives one fixed answer. */
async function ask(status: number, answer: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-signer-client-'));
  const socketPath = join(directory, 's');
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  try {
    return await createSignerClient(socketPath).testResult(body);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
}

const problem = JSON.stringify({
  type: 't',
  title: 'Refused',
  status: 409,
  code: 'commit-not-on-main',
  detail: 'The commit is not on main.',
  codes: ['commit-not-on-main', 'pipeline-missing'],
});

test('an envelope is handed on as it came', async () => {
  assert.equal(await ask(200, JSON.stringify({ envelope: '{"payload":""}' })), '{"payload":""}');
});

test('a refusal is final and names every code', async () => {
  await assert.rejects(ask(409, problem), (error) => {
    assert.ok(error instanceof SignerError);
    assert.equal(error.code, 'signer-refused');
    assert.match(error.message, /commit-not-on-main, pipeline-missing.*not on main/);
    return true;
  });
});

const otherwise: [name: string, status: number, answer: string][] = [
  ['an error of the signer', 500, problem],
  ['a proxy’s 409 page', 409, '<html>'],
  ['an answer without envelope', 200, '{}'],
  ['an endless answer', 200, `"${'x'.repeat(600_000)}"`],
];
for (const [name, status, answer] of otherwise) {
  test(`no decision, to be asked again: ${name}`, async () => {
    await assert.rejects(ask(status, answer), { code: 'signer-unreachable' });
  });
}

test('a signer that is not there is unreachable, and the socket is named', async () => {
  await assert.rejects(createSignerClient('/nonexistent/signer.sock').testResult(body), {
    code: 'signer-unreachable',
    message: /\/nonexistent\/signer\.sock/,
  });
});
