/**
 * The least CI service that does the same work: takes a signed push durably, checks out, runs one step in a sandbox, keeps
 * what it prints in a file and shows it while it comes. Two builds at a time; no plan, no secrets, no people.
 */
import { execFile, spawn } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import express from 'express';
import pg from 'pg';

/** Lines that come together are shown together. */
const frameMs = 40;
const atOnce = 2;

type Run = { output: string; isOver: boolean; viewers: Set<() => void> };

const [port = '0', secret = '', database = '', directory = '', script = '', repository = ''] =
  process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, max: 10 });
await pool.query(
  'create table if not exists mini_run (commit text primary key, body bytea, state text)',
);
const runs = new Map<string, Run>();
const queue: { commit: string; ref: string }[] = [];
let running = 0;

async function build(commit: string, ref: string, run: Run): Promise<void> {
  const work = join(directory, commit);
  mkdirSync(work, { recursive: true });
  if (repository !== '') {
    const branch = ref.replace(/^refs\/heads\//, '');
    const clone = ['clone', '--quiet', '--depth', '1', '--branch', branch, repository, work];
    await promisify(execFile)('git', clone);
  }
  const log = createWriteStream(`${work}.log`);
  // As tightly as ours: no network, nothing of the host to write to, an own view of processes and users.
  const child = spawn(
    'bwrap',
    [
      ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
      ...['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
      ...['--bind', work, '/mnt', '--chdir', '/mnt', '--', '/bin/sh', '-c', script],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.on('data', (bytes: Buffer) => {
    log.write(bytes);
    run.output += bytes.toString();
    for (const show of run.viewers) show();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  await new Promise<void>((resolve) => log.end(resolve));
  rmSync(work, { recursive: true, force: true });
  await pool.query('update mini_run set state = $2 where commit = $1', [commit, String(code)]);
}

function next(): void {
  while (running < atOnce) {
    const first = queue.shift();
    const run = first === undefined ? undefined : runs.get(first.commit);
    if (first === undefined || run === undefined) return;
    running += 1;
    void build(first.commit, first.ref, run).then(() => {
      running -= 1;
      run.isOver = true;
      for (const show of run.viewers) show();
      next();
    });
  }
}

const app = express();
app.post('/hook', express.raw({ type: () => true, limit: '5mb' }), async (request, response) => {
  // express.raw leaves a Buffer for every body that there is.
  const body = request.body as Buffer;
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
  const given = Buffer.from(request.get('x-hub-signature-256') ?? '');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    response.status(403).end();
    return;
  }
  // Signed by the bench itself, whose form this is.
  const { after: commit, ref } = JSON.parse(body.toString()) as { after: string; ref: string };
  await pool.query({
    name: 'take',
    text: `insert into mini_run (commit, body, state) values ($1, $2, 'queued') on conflict do nothing`,
    values: [commit, body],
  });
  response.status(202).json({});
  runs.set(commit, { output: '', isOver: false, viewers: new Set() });
  queue.push({ commit, ref });
  next();
});
app.get('/runs/:commit', (request, response) => {
  const run = runs.get(request.params.commit);
  const isAsked = request.query['output'] !== 'no';
  response.json({ output: isAsked ? (run?.output ?? '') : '', isOver: run?.isOver ?? false });
});
app.get('/runs/:commit/lines', (request, response) => {
  const run = runs.get(request.params.commit);
  if (run === undefined) {
    response.status(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let shown = 0;
  let timer: NodeJS.Timeout | null = null;
  let lastAt = 0;
  const frame = (): void => {
    timer = null;
    lastAt = performance.now();
    const text = run.output.slice(shown);
    shown = run.output.length;
    response.write(`event: lines\ndata: ${JSON.stringify(text)}\n\n`);
    if (run.isOver) response.end('event: end\ndata: {}\n\n');
  };
  const show = (): void => {
    timer ??= setTimeout(frame, Math.max(0, lastAt + frameMs - performance.now()));
  };
  run.viewers.add(show);
  show();
});
app.listen(Number(port), '127.0.0.1', () => process.send?.('listening'));
