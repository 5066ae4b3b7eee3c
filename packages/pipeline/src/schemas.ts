/** JSON Schemas (draft 7) of both files, for editors. The parser decides; a test holds the two together key by key. */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const scalar: Schema = { type: ['string', 'number', 'boolean'] };
const flag: Schema = { type: 'boolean' };
const listOf = (items: Schema): Schema => ({ anyOf: [items, { type: 'array', items }] });
const texts = listOf(scalar);
const object = (properties: Schema, required: readonly string[] = []): Schema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const mapOf = (value: Schema): Schema => ({ type: 'object', additionalProperties: value });
const namedOrListed = (entry: Schema): Schema => ({
  anyOf: [{ type: 'array', items: entry }, mapOf(entry)],
});

const patterns: Schema = { anyOf: [texts, object({ include: texts, exclude: texts })] };
const status = listOf({ enum: ['success', 'failure'] });
const dependsOn = listOf({ anyOf: [text, object({ name: text, optional: flag }, ['name'])] });
const anything: Schema = {};
const environment: Schema = { anyOf: [mapOf(anything), { type: 'array', items: text }] };

const condition = (more: Schema): Schema =>
  object({
    event: texts,
    branch: patterns,
    ref: patterns,
    repo: patterns,
    path: {
      anyOf: [
        texts,
        object({ include: texts, exclude: texts, on_empty: flag, ignore_message: text }),
      ],
    },
    status,
    cron: patterns,
    platform: patterns,
    instance: patterns,
    evaluate: text,
    local: flag,
    environment: anything,
    ...more,
  });
const stepWhen = listOf(condition({ matrix: mapOf(anything) }));

const container: Schema = {
  name: text,
  image: text,
  commands: texts,
  entrypoint: texts,
  environment,
  settings: mapOf(anything),
  secrets: anything,
  when: stepWhen,
  pull: flag,
  privileged: { enum: [false] },
};
const step = object(
  {
    ...container,
    directory: text,
    depends_on: dependsOn,
    group: text,
    failure: { enum: ['fail', 'ignore', 'cancel'] },
    detach: flag,
    backend_options: object({
      airlock: object({
        ...{ cpu: scalar, memory: scalar, timeout: text },
        reports: object({ junit: texts, sarif: texts, coverage: texts, sbom: texts }),
        cache: listOf(object({ path: text, key: text, keyFiles: texts }, ['path', 'key'])),
        outputs: text,
      }),
      kubernetes: object({ resources: anything }),
    }),
  },
  ['image'],
);
const service = object(
  { ...container, ports: { type: 'array', items: scalar }, failure: { enum: ['fail', 'ignore'] } },
  ['image'],
);

export const pipelineSchema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Airlock pipeline file',
  ...object({
    when: listOf(condition({})),
    steps: namedOrListed(step),
    pipeline: namedOrListed(step),
    services: namedOrListed(service),
    matrix: mapOf({ type: 'array' }),
    labels: mapOf(scalar),
    platform: text,
    depends_on: dependsOn,
    runs_on: status,
    branches: patterns,
    clone: anything,
    skip_clone: flag,
    workspace: object({ base: text, path: text }),
    concurrency: {
      anyOf: [{ type: 'integer' }, object({ limit: scalar, group: text }, ['limit'])],
    },
    variables: anything,
    $schema: text,
    version: scalar,
  }),
};

export const releaseSchema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Airlock release file',
  ...object(
    {
      version: { enum: [1] },
      artifacts: mapOf(
        object({ workflow: text, path: text, maxSize: text, reproduce: { type: 'integer' } }, [
          'path',
        ]),
      ),
      releases: mapOf(
        object(
          {
            artifacts: texts,
            version: text,
            requires: texts,
            promote: { type: 'array', items: object({ target: text }, ['target']) },
          },
          ['artifacts'],
        ),
      ),
    },
    ['version', 'artifacts', 'releases'],
  ),
};
