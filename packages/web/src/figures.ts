/**
 * Figures for Prometheus, at a port of this machine alone: who may look at them is who may come to that port, and no page of
 * the service leads there.
 */
import { createServer } from 'node:http';
import type { Build } from '@airlock/process/build';
import type { Log } from '@airlock/process/log';
import type { Runtime } from '@airlock/process/main';
import { histogramText, type HistogramFigure } from './histogram.ts';
import { closeServer, listenAt } from './listen.ts';
import type { FiguresListen } from './listen-settings.ts';

export interface Figure {
  readonly name: `airlock_${string}`;
  readonly help: string;
  /** `counter` never falls while the database lives. */
  readonly type: 'gauge' | 'counter';
  /** Every row has the same labels; none: nothing is known of it now. */
  readonly rows: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

export type AnyFigure = Figure | HistogramFigure;

/** Serves figures for as long as the process runs; `listen` null: none are asked for, and nothing is loaded or opened. */
export async function serveFigures(
  listen: FiguresListen,
  options: {
    readonly runtime: Runtime;
    readonly build: Build;
    read(): Promise<readonly AnyFigure[]>;
  },
): Promise<void> {
  if (listen === null) return;
  const { runtime, ...more } = options;
  const figures = await startFigures({
    listen,
    ...more,
    log: runtime.log,
    now: () => performance.now(),
  });
  runtime.onClose(() => figures.close());
  runtime.listening(figures.url);
}

/** However often it is asked, the database is asked once in this time. */
export const readAgainMs = 5_000;

/**
 * Answers `GET /metrics` (Prometheus text), `GET /livez` (this process answers) and `GET /readyz` (so does its database);
 * 503 says that the figures could not be read, and the log says why. Nothing else is there.
 *
 * @param options.read everything is counted anew from what is written down, so that no process holds counts of its own.
 * @throws ListenError when the port is taken.
 */
export async function startFigures(options: {
  readonly listen: NonNullable<FiguresListen>;
  readonly build: Build;
  read(): Promise<readonly AnyFigure[]>;
  readonly log: Log;
  readonly now: () => number;
}): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { listen, log, now, build } = options;
  const { version, commit, digest } = build;
  // Loaded here: an installation without figures holds no library for them.
  const { default: prometheus } = await import('prom-client');
  let last: { readonly at: number; readonly text: Promise<string> } | null = null;

  function text(): Promise<string> {
    if (last !== null && now() - last.at < readAgainMs) return last.text;
    const written = write();
    last = { at: now(), text: written };
    return written;
  }

  async function write(): Promise<string> {
    const registry = new prometheus.Registry();
    const figures: readonly AnyFigure[] = [
      ...(await options.read()),
      {
        name: 'airlock_build_info',
        help: 'Always 1; the labels say which build answers; what is not known is empty.',
        type: 'gauge',
        rows: [{ labels: { version, commit: commit ?? '', digest: digest ?? '' }, value: 1 }],
      },
    ];
    const histograms = figures.filter((each) => each.type === 'histogram');
    for (const { name, help, type, rows } of figures.filter((each) => each.type !== 'histogram')) {
      const labelNames = Object.keys(rows[0]?.labels ?? {});
      const Metric = type === 'counter' ? prometheus.Counter : prometheus.Gauge;
      const metric = new Metric({ name, help, labelNames, registers: [registry] });
      // A metric without labels would begin as 0, which nobody has counted.
      if (rows.length === 0) metric.remove();
      for (const { labels, value } of rows) metric.inc(labels, value);
    }
    return (await registry.metrics()) + histograms.map(histogramText).join('');
  }

  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => {
      const send = (status: number, body: string): void => {
        const type = prometheus.Registry.PROMETHEUS_CONTENT_TYPE;
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
      };
      // A page that a browser on this machine has open names its own host, not this one.
      const isHere = /^(127\.0\.0\.1|localhost|\[::1\]):\d+$/.test(request.headers.host ?? '');
      if (!isHere) {
        send(421, 'ask for 127.0.0.1, [::1] or localhost\n');
      } else if (request.method !== 'GET') {
        send(405, 'GET is all there is\n');
      } else if (request.url === '/livez') {
        send(200, 'ok\n');
      } else if (request.url === '/metrics' || request.url === '/readyz') {
        const { url } = request;
        text().then(
          (body) => {
            send(200, url === '/readyz' ? 'ok\n' : body);
          },
          (cause: unknown) => {
            log.error('figures.unreadable', {
              error: cause instanceof Error ? cause : new Error(String(cause)),
            });
            send(503, 'the figures cannot be read; the log of this process says why\n');
          },
        );
      } else {
        send(404, 'GET /metrics, /livez or /readyz\n');
      }
    },
  );
  await listenAt(server, { ...listen, setting: 'figures.port' });
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return { url: `http://${host}:${listen.port}`, close: () => closeServer(server) };
}
