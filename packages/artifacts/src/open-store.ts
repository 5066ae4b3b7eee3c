import { createContentStore, type ContentStore } from './content-store.ts';
import { createS3Store } from './s3-store.ts';
import type { ArtifactsSettings } from './settings.ts';

/** The store that the configuration names. Nothing is opened or made before its first use. */
export function openArtifactStore(settings: ArtifactsSettings): ContentStore {
  return 's3' in settings ? createS3Store(settings.s3) : createContentStore(settings.directory);
}
