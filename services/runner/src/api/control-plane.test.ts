import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createControlPlane, type ControlPlane } from './control-plane.ts';

const held = { jobId: 'job/1', lease: 7 };
const never = new AbortController().signal;
const piece = { step: 's', offset: 0, bytes: [], isEnd: false };

type Answer = { status: number; body?: string };
let answers: Answer[] = [];
const asked: { method: string; url: string; body: Buffer }[] = [];
let server: Server;
const identity = () => ({ runner: 'r1', sign: () => Buffer.from('signed') });
let api: ControlPlane;

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

before(async () => {
  server = createServer((incoming, response) => {
    void bodyOf(incoming).then((body) => {
      asked.push({ method: incoming.method ?? '', url: incoming.url ?? '', body });
      const answer = answers.shift() ?? { status: 204 };
      response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  api = createControlPlane({ url: `http://127.0.0.1:${address.port}`, request, identity });
});

after(() => {
  server.close();
  server.closeAllConnections();
});

test('no job is no job', async () => {
  answers = [{ status: 204 }];
  assert.equal(await api.lease('default', never), null);
});

test('a job with a field that this runner does not know is refused, and the field is named', async () => {
  answers = [{ status: 200, body: JSON.stringify({ jobId: 'j', privileged: true }) }];
  await assert.rejects(api.lease('default', never), {
    code: 'control-plane-refused',
    message: /privileged/,
  });
});

test('409 is a lost lease, whoever says it', async () => {
  for (const act of [
    () => api.heartbeat(held, never),
    () => api.appendLog(held, piece, never),
    () => api.source(held, never),
  ]) {
    answers = [{ status: 409 }];
    await assert.rejects(act, { code: 'lease-lost' });
  }
});

test('a heartbeat says whether the run was cancelled, and nothing else will do', async () => {
  for (const cancelled of [true, false]) {
    answers = [{ status: 200, body: JSON.stringify({ cancelled }) }];
    assert.deepEqual(await api.heartbeat(held, never), { cancelled });
  }
  answers = [{ status: 204 }];
  await assert.rejects(api.heartbeat(held, never), { code: 'control-plane-refused' });
});

test('a piece of log is sent until it is taken, each time the same, and the answer says how far', async () => {
  asked.length = 0;
  answers = [{ status: 503 }, { status: 500 }, { status: 200, body: '{"next":5}' }];
  const bytes = [Buffer.from([0]), Buffer.from([255, 10])];
  const next = await api.appendLog(held, { step: 'build', offset: 3, bytes, isEnd: true }, never);
  assert.equal(next, 5);
  assert.equal(asked.length, 3);
  for (const { url, body } of asked) {
    assert.equal(url, '/v1/jobs/job%2F1/log?lease=7&step=build&offset=3&end=1');
    assert.deepEqual(body, Buffer.concat(bytes));
  }
});

test('a refusal is not tried again, and its words are kept', async () => {
  asked.length = 0;
  const problem = {
    type: 'urn:x',
    title: 'the body is not JSON',
    status: 400,
    code: 'request-malformed',
  };
  answers = [{ status: 400, body: JSON.stringify(problem) }];
  await assert.rejects(api.appendLog(held, piece, never), {
    code: 'control-plane-refused',
    message: /request-malformed: the body is not JSON/,
  });
  assert.equal(asked.length, 1);
});

test('an artifact is sent whole, under its name and digest; a job id is one part of a path', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-runner-'));
  try {
    const bytes = Buffer.alloc(300_000, 'a');
    writeFileSync(join(directory, 'file'), bytes);
    asked.length = 0;
    answers = [{ status: 201, body: '{}' }];
    const artifact = {
      name: 'a+b.tar',
      path: join(directory, 'file'),
      digest: 'd1',
      size: bytes.length,
    };
    await api.uploadArtifact(held, artifact, never);
    assert.equal(asked[0]?.url, '/v1/jobs/job%2F1/artifact?lease=7&name=a%2Bb.tar&sha256=d1');
    assert.ok(asked[0].body.equals(bytes));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a server that is not there is named, with what to look at', async () => {
  const nowhere = createControlPlane({ url: 'http://127.0.0.1:1', request, identity });
  await assert.rejects(nowhere.lease('default', never), {
    code: 'control-plane-unreachable',
    message: /127\.0\.0\.1:1 cannot be reached.*controlPlane\.url/,
  });
});
