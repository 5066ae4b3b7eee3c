import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openArtifactStore } from './open-store.ts';
import { createS3Client } from './s3-client.ts';
import { createS3Store } from './s3-store.ts';
import { ArtifactsSettings, S3Settings } from './settings.ts';
import { findS3Server, startS3 } from './testing/s3-server.ts';
import { failsWith, from, sha256, storeContract } from './testing/store-contract.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-s3-'));
const found = await findS3Server();
const s3 = 'path' in found ? await startS3(found.path, join(root, 'server')) : null;
const skip = 'missing' in found ? `S3 NOT TESTED: ${found.missing}` : false;
// Beside the skipped tests, because a summary may count them only.
if (skip !== false) process.stderr.write(`${skip}\n`);
after(async () => {
  await s3?.stop();
  rmSync(root, { recursive: true, force: true });
});

const maxBytes = 1000;

function server(): NonNullable<typeof s3> {
  assert.ok(s3 !== null);
  return s3;
}

/** Everything in the bucket and on its way there; the server keeps its own affairs in dot files. */
function keptIn(settings: S3Settings): string[] {
  const objects = readdirSync(server().objects(settings.bucket));
  return [
    ...objects.filter((name) => !name.startsWith('.')),
    ...readdirSync(settings.spoolDirectory),
  ];
}

storeContract(
  's3',
  async () => {
    const settings = await server().newBucket();
    mkdirSync(settings.spoolDirectory);
    return {
      store: openArtifactStore({ s3: settings }),
      overwrite: (digest, bytes) => {
        writeFileSync(join(server().objects(settings.bucket), digest), bytes);
        return Promise.resolve();
      },
      kept: () => Promise.resolve(keptIn(settings)),
    };
  },
  skip,
);

test('s3: an artifact that is there is not sent again', { skip }, async () => {
  const settings = await server().newBucket();
  const store = createS3Store(settings);
  const { digest } = await store.put(from('once'), { maxBytes });
  const [first] = await store.list();
  await store.put(from('once'), { maxBytes });
  assert.deepEqual(await store.list(), [first]);
  assert.equal(first?.digest, digest);
});

test('s3: other bytes than the signed digest are not taken by the server', { skip }, async () => {
  const settings = await server().newBucket();
  const client = createS3Client(settings);
  const digest = sha256('right');
  const response = await client.send({
    method: 'PUT',
    key: digest,
    headers: { 'content-length': '5', 'x-amz-content-sha256': digest },
    body: () => from('wrong'),
  });
  response.resume();
  assert.equal(response.statusCode, 400);
  assert.equal(await createS3Store(settings).has(digest), false);
});

test('s3: an object under retention stays, whoever removes it', { skip }, async () => {
  const settings = await server().newBucket({ lock: true });
  const store = createS3Store(settings);
  const { digest } = await store.put(from('for years'), { maxBytes });
  const client = createS3Client(settings);
  const head = await client.send({ method: 'HEAD', key: digest });
  head.resume();
  assert.equal(head.headers['x-amz-object-lock-mode'], 'COMPLIANCE');
  const version = String(head.headers['x-amz-version-id']);
  const removal = await client.send({
    method: 'DELETE',
    key: digest,
    query: { versionId: version },
  });
  removal.resume();
  assert.equal(removal.statusCode, 403);
  assert.equal((await store.read(digest, maxBytes)).toString(), 'for years');
});

test('s3: more objects than one page holds are all listed', { skip }, async () => {
  const settings = await server().newBucket();
  const directory = server().objects(settings.bucket);
  for (let number = 0; number < 1100; number += 1) {
    writeFileSync(join(directory, sha256(String(number))), 'x');
  }
  writeFileSync(join(directory, 'notes.txt'), 'left by a person');
  const listed = await createS3Store(settings).list();
  assert.equal(new Set(listed.map(({ digest }) => digest)).size, 1100);
});

test('s3: wrong credentials are said with the file that has them', { skip }, async () => {
  const settings = await server().newBucket();
  const credentialsFile = join(root, 'wrong.json');
  writeFileSync(credentialsFile, '{"accessKeyId":"airlock-test","secretAccessKey":"guessed"}');
  const store = createS3Store({ ...settings, credentialsFile });
  await assert.rejects(store.list(), (error: unknown) => {
    failsWith('artifact-store-failed')(error);
    assert.match(
      String(error),
      /403 SignatureDoesNotMatch.*check the credentials in .*wrong\.json/,
    );
    return true;
  });
});

test('s3: credentials that are none are said with what is expected', async () => {
  const credentialsFile = join(root, 'none.json');
  writeFileSync(credentialsFile, '{}');
  const store = createS3Store(settingsFor('http://127.0.0.1:1', { credentialsFile }));
  await assert.rejects(store.list(), /none\.json cannot be read as \{"accessKeyId"/);
});

test('s3: a server that is not there is said so, after three tries', async () => {
  await assert.rejects(
    createS3Store(settingsFor('http://127.0.0.1:1')).list(),
    (error: unknown) => {
      failsWith('artifact-store-failed')(error);
      assert.match(String(error), /http:\/\/127\.0\.0\.1:1\/bucket cannot be reached/);
      return true;
    },
  );
});

test('s3: a redirect is refused and not followed', async () => {
  let asked = 0;
  await withServer(
    (_request, response) => {
      asked += 1;
      response.writeHead(307, { location: 'http://127.0.0.1:1/elsewhere' }).end();
    },
    async (endpoint) => {
      await assert.rejects(
        createS3Store(settingsFor(endpoint)).read(sha256('x'), maxBytes),
        /answered 307.*redirects are not followed/,
      );
    },
  );
  assert.equal(asked, 1);
});

test('s3: a server that is silent is left after the time limit', async () => {
  await withServer(
    () => {
      // Never answers.
    },
    async (endpoint) => {
      const store = createS3Store({ ...settingsFor(endpoint), timeoutSeconds: 1 });
      await assert.rejects(store.has(sha256('x')), /no answer within 1 s/);
    },
  );
});

test('s3: an answer that breaks off is no artifact', async () => {
  await withServer(
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    },
    async (endpoint) => {
      const store = createS3Store(settingsFor(endpoint));
      await assert.rejects(store.openVerified(sha256('half')), failsWith('artifact-store-failed'));
      await assert.rejects(
        store.read(sha256('half'), maxBytes),
        failsWith('artifact-store-failed'),
      );
    },
  );
});

test('s3: a full bucket is a full store', async () => {
  await withServer(
    (request, response) => {
      request.resume();
      request.on('end', () => {
        if (request.method === 'HEAD') response.writeHead(404).end();
        else response.writeHead(400).end('<Error><Code>QuotaExceeded</Code></Error>');
      });
    },
    async (endpoint) => {
      const put = createS3Store(settingsFor(endpoint)).put(from('x'), { maxBytes });
      await assert.rejects(put, failsWith('artifact-store-full'));
    },
  );
});

test('an address without TLS is taken on loopback only', () => {
  const other = { ...settingsFor('http://127.0.0.1:1'), endpoint: 'http://s3.example' };
  assert.equal(S3Settings.safeParse(other).success, false);
  assert.equal(S3Settings.safeParse({ ...other, endpoint: 'https://s3.example' }).success, true);
  const both = { directory: '/a', s3: { ...other, endpoint: 'https://s3.example' } };
  assert.equal(ArtifactsSettings.safeParse(both).success, false);
});

function settingsFor(endpoint: string, changed: { credentialsFile?: string } = {}): S3Settings {
  const credentialsFile = join(root, 'credentials.json');
  writeFileSync(credentialsFile, '{"accessKeyId":"a","secretAccessKey":"b"}');
  return S3Settings.parse({
    endpoint,
    region: 'us-east-1',
    bucket: 'bucket',
    credentialsFile,
    spoolDirectory: join(root, 'spool'),
    ...changed,
  });
}

async function withServer(
  answer: Parameters<typeof createServer>[1],
  work: (endpoint: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    await work(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
