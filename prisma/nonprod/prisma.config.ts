import { defineConfig } from 'prisma/config';

// The address is never used: `prisma generate` reads the schema only, and migrations run by `@airlock/database/migrate`.
export default defineConfig({
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  datasource: { url: 'postgresql://nobody@127.0.0.1:1/nonprod' },
});
