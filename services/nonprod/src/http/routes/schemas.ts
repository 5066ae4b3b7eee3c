/** JSON Schemas of the files that developers write, for their editors. */
import { pipelineSchema, releaseSchema } from '@airlock/pipeline/schemas';
import { route, type Route } from '@airlock/web/route';

export function schemaRoutes(): Route[] {
  return Object.entries({ pipeline: pipelineSchema, release: releaseSchema }).map(
    ([name, schema]) =>
      route({
        name: `show-${name}-schema`,
        method: 'get',
        path: `/schema/${name}.v1.json`,
        access: 'public',
        summary: `JSON Schema of the ${name} file`,
        handle(_request, response) {
          response.type('application/schema+json').send(JSON.stringify(schema));
        },
      }),
  );
}
