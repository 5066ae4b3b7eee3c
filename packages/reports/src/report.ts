/** What every reader of reports keeps to. */

/** A report that cannot be read: one sentence for people. */
export interface ReportFault {
  readonly ok: false;
  readonly fault: string;
}
export type Read<T> = { readonly ok: true; readonly value: T } | ReportFault;

/** 32 MiB: the largest real reports seen are some 10 MiB, and a page has to be made of it. */
export const maxReportBytes = 32 * 1024 * 1024;
/** Test cases, findings, files or components of one report; what goes beyond is counted and not kept. */
export const maxEntries = 50_000;
const maxTextLength = 4096;

export function fault(text: string): ReportFault {
  return { ok: false, fault: text };
}

/** The bytes as text, or why not. */
export function textOf(bytes: Uint8Array): Read<string> {
  if (bytes.length > maxReportBytes) {
    return fault(`it has ${bytes.length} bytes, at most ${maxReportBytes} are read`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { ok: true, value: text };
  } catch {
    return fault('it is not UTF-8 text; write it as UTF-8');
  }
}

/** Text of a bounded length that a database can hold: neither NUL nor half of a surrogate pair. */
export function cut(text: string): string {
  const whole = text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}…`;
  return whole.replaceAll('\0', '\uFFFD').toWellFormed();
}

/** A path inside the repository: absolute and climbing ones are no place that a page could point at. */
export function pathOf(text: unknown): string | null {
  if (typeof text !== 'string' || text === '' || text.length > 1024) return null;
  const path = text
    .replace(/^file:\/\//, '')
    .replace(/^(\.\/)+/, '')
    .replace(/^\/build\//, '');
  if (path.startsWith('/') || path.includes('\\') || path.includes('\0')) return null;
  if (!path.isWellFormed()) return null;
  return path.split('/').includes('..') ? null : path;
}

/** A line counted from 1. */
export function lineOf(value: unknown): number | null {
  const line = typeof value === 'string' ? Number(value) : value;
  return typeof line === 'number' && Number.isSafeInteger(line) && line > 0 ? line : null;
}

/** A member of something that was parsed; undefined for anything but a map that has it. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function stringOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
