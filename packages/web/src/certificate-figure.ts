/** When the certificates end that a process's configuration names: the one accident that announces its day. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Figure } from './figures.ts';

/** Read anew each time, because files are replaced under a running process; one that cannot be read is left out. */
export function certificateFigure(config: unknown): Figure {
  return {
    name: 'airlock_certificate_end_timestamp_seconds',
    help: 'When the first certificate of a file ends, in Unix time; left out: the file cannot be read.',
    type: 'gauge',
    rows: certificateFiles(config, '').flatMap(({ setting, file }) => {
      const value = endOf(file);
      return value === null ? [] : [{ labels: { setting }, value }];
    }),
  };
}

function endOf(file: string): number | null {
  try {
    return new X509Certificate(readFileSync(file)).validToDate.getTime() / 1000;
  } catch {
    return null;
  }
}

/** The files of certificates that a configuration names, each with its setting. @param path of the settings so far; '' for all. */
export function certificateFiles(
  value: unknown,
  path: string,
): { setting: string; file: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const setting = path === '' ? key : `${path}.${key}`;
    const isFile = /^(ca|clientCa|certificate)File$/.test(key) && typeof inner === 'string';
    return isFile ? [{ setting, file: inner }] : certificateFiles(inner, setting);
  });
}
