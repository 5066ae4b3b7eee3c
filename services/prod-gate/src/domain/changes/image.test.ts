import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isImageDocument, maxImageDocumentBytes } from './image.ts';

test('a document of an image is read up to its size, the index like every other', () => {
  for (const path of ['index.json', `blobs/sha256/${'a'.repeat(64)}`]) {
    assert.equal(isImageDocument(path, maxImageDocumentBytes), true, path);
    assert.equal(isImageDocument(path, maxImageDocumentBytes + 1), false, path);
  }
  assert.equal(isImageDocument('deep/index.json', 10), false);
});
