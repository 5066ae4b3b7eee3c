/** JSON Schemas of the files that administrators write, for their editors. */
import {
  configurationFileNames,
  configurationSchema,
} from '@airlock/process/configuration-schemas';
import { route, type Route } from '@airlock/web/route';

export function schemaRoutes(): Route[] {
  return configurationFileNames.map((name) => {
    const text = JSON.stringify(configurationSchema(name));
    return route({
      name: `show-${name}-schema`,
      method: 'get',
      path: `/schema/${name}.v1.json`,
      access: 'public',
      summary: `JSON Schema of the ${name} file`,
      handle(_request, response) {
        response.type('application/schema+json').send(text);
      },
    });
  });
}
