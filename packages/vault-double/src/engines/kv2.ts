/**
 * The key-value secrets engine, version 2: versions, check-and-set, soft deletion. A deleted version answers 404 and still
 * carries its metadata, so that "gone" and "never was" can be told apart only by the body.
 */
import { z } from 'zod';
import {
  ApiFailure,
  type Reply,
  answer,
  noContent,
  readBody,
  unsupportedOperation,
  unsupportedPath,
} from '../api.ts';
import type { Backend, Call } from '../backend.ts';
import type { Clock } from '../clock.ts';

type Version = {
  data: Record<string, unknown> | null;
  createdAt: string;
  deletedAt: string;
  destroyed: boolean;
};
type Secret = {
  createdAt: string;
  updatedAt: string;
  versions: Map<number, Version>;
  latest: number;
  customMetadata: Record<string, string> | null;
  maxVersions: number;
  casRequired: boolean;
};

const Write = z.object({
  data: z.record(z.string(), z.unknown(), { error: 'no data provided' }),
  options: z.object({ cas: z.coerce.number().int().optional() }).default({}),
});
const Settings = z.strictObject({
  max_versions: z.coerce.number().int().min(0).optional(),
  cas_required: z.boolean().optional(),
  custom_metadata: z.record(z.string(), z.string()).optional(),
});
const Versions = z.object({ versions: z.array(z.coerce.number().int()).min(1) });

/** How many versions Vault keeps when neither the mount nor the secret says otherwise. */
const defaultMaxVersions = 10;

export function createKv2Engine({ clock }: { clock: Clock }): Backend {
  const secrets = new Map<string, Secret>();
  const mount = { maxVersions: 0, casRequired: false };
  const now = () => new Date(clock.now()).toISOString();

  function secretAt(path: string): Secret {
    const found = secrets.get(path);
    if (found !== undefined) return found;
    const made: Secret = {
      createdAt: now(),
      updatedAt: now(),
      versions: new Map(),
      latest: 0,
      customMetadata: null,
      maxVersions: 0,
      casRequired: false,
    };
    secrets.set(path, made);
    return made;
  }

  function write(path: string, body: Record<string, unknown>): Reply {
    if (body['data'] === undefined) throw new ApiFailure(400, 'no data provided');
    const { data, options } = readBody(Write, body);
    const existing = secrets.get(path);
    if (options.cas === undefined && (mount.casRequired || existing?.casRequired === true)) {
      throw new ApiFailure(400, 'check-and-set parameter required for this call');
    }
    if (options.cas !== undefined && options.cas !== (existing?.latest ?? 0)) {
      throw new ApiFailure(400, 'check-and-set parameter did not match the current version');
    }
    const secret = secretAt(path);
    secret.latest += 1;
    secret.updatedAt = now();
    const version = { data, createdAt: now(), deletedAt: '', destroyed: false };
    secret.versions.set(secret.latest, version);
    const most = secret.maxVersions || mount.maxVersions || defaultMaxVersions;
    for (const number of secret.versions.keys()) {
      if (number <= secret.latest - most) secret.versions.delete(number);
    }
    return answer({ data: describe(secret, secret.latest, version) });
  }

  function read(path: string, wanted: string | null): Reply {
    const secret = secrets.get(path);
    const number = Number(wanted ?? 0) || (secret?.latest ?? 0);
    const version = secret?.versions.get(number);
    if (secret === undefined || version === undefined) throw new ApiFailure(404);
    const isGone = version.destroyed || version.deletedAt !== '';
    const metadata = describe(secret, number, version);
    const reply = answer({ data: { data: isGone ? null : version.data, metadata } });
    return isGone ? { ...reply, status: 404 } : reply;
  }

  function softDelete(path: string, numbers: readonly number[]): Reply {
    for (const number of numbers) {
      const version = secrets.get(path)?.versions.get(number);
      if (version !== undefined && version.deletedAt === '') version.deletedAt = now();
    }
    return noContent;
  }

  function dataCall(path: string, { operation, body, query }: Call): Reply {
    switch (operation) {
      case 'update':
        return write(path, body);
      case 'read':
        return read(path, query.get('version'));
      case 'delete':
        return softDelete(path, [secrets.get(path)?.latest ?? 0]);
      case 'list':
        throw unsupportedOperation();
    }
  }

  function versionsCall(kind: string, path: string, { operation, body }: Call): Reply {
    if (operation !== 'update') throw unsupportedOperation();
    const { versions } = readBody(Versions, body);
    if (kind === 'delete') return softDelete(path, versions);
    for (const number of versions) {
      const version = secrets.get(path)?.versions.get(number);
      if (version === undefined) continue;
      version.deletedAt = '';
      if (kind !== 'destroy') continue;
      version.destroyed = true;
      version.data = null;
    }
    return noContent;
  }

  function metadataCall(path: string, { operation, body }: Call): Reply {
    if (operation === 'list') return list(path);
    if (path === '') throw new ApiFailure(404);
    if (operation === 'update') {
      const settings = readBody(Settings, body);
      const secret = secretAt(path);
      secret.maxVersions = settings.max_versions ?? secret.maxVersions;
      secret.casRequired = settings.cas_required ?? secret.casRequired;
      secret.customMetadata = settings.custom_metadata ?? secret.customMetadata;
      return noContent;
    }
    if (operation === 'delete') {
      secrets.delete(path);
      return noContent;
    }
    const secret = secrets.get(path);
    if (secret === undefined) throw new ApiFailure(404);
    return answer({ data: describeAll(secret) });
  }

  function list(path: string): Reply {
    const prefix = path === '' || path.endsWith('/') ? path : `${path}/`;
    const keys = [...secrets.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length).replace(/\/.*$/, '/'));
    if (keys.length === 0) throw new ApiFailure(404);
    return answer({ data: { keys: [...new Set(keys)].sort() } });
  }

  function configCall({ operation, body }: Call): Reply {
    if (operation === 'update') {
      const settings = readBody(Settings.omit({ custom_metadata: true }), body);
      mount.maxVersions = settings.max_versions ?? mount.maxVersions;
      mount.casRequired = settings.cas_required ?? mount.casRequired;
      return noContent;
    }
    if (operation !== 'read') throw unsupportedOperation();
    const { casRequired: cas_required, maxVersions: max_versions } = mount;
    return answer({ data: { cas_required, max_versions, delete_version_after: '0s' } });
  }

  const backend = (call: Call): Reply => {
    if (call.path === 'config') return configCall(call);
    const [, kind = '', path = ''] =
      /^(data|metadata|delete|undelete|destroy)(?:\/(.*))?$/.exec(call.path) ?? [];
    if (kind === '') throw unsupportedPath();
    if (kind === 'metadata') return metadataCall(path, call);
    if (path === '') throw new ApiFailure(404);
    return kind === 'data' ? dataCall(path, call) : versionsCall(kind, path, call);
  };
  return Object.assign(backend, {
    exists(path: string) {
      const [, name] = /^(?:data|metadata)\/(.+)$/.exec(path) ?? [];
      return name === undefined || secrets.has(name);
    },
  });
}

function describe(secret: Secret, number: number, version: Version): Record<string, unknown> {
  return {
    created_time: version.createdAt,
    custom_metadata: secret.customMetadata,
    deletion_time: version.deletedAt,
    destroyed: version.destroyed,
    version: number,
  };
}

function describeAll(secret: Secret): Record<string, unknown> {
  const versions = [...secret.versions].map(([number, version]) => [
    number,
    {
      created_time: version.createdAt,
      deletion_time: version.deletedAt,
      destroyed: version.destroyed,
    },
  ]);
  return {
    cas_required: secret.casRequired,
    created_time: secret.createdAt,
    current_version: secret.latest,
    custom_metadata: secret.customMetadata,
    delete_version_after: '0s',
    max_versions: secret.maxVersions,
    oldest_version: oldestKept(secret),
    updated_time: secret.updatedAt,
    versions: Object.fromEntries(versions),
  };
}

/** 0 as long as nothing was dropped for being too old. */
function oldestKept(secret: Secret): number {
  const oldest = Math.min(...secret.versions.keys(), secret.latest);
  return oldest <= 1 ? 0 : oldest;
}
