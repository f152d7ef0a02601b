import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../common/errors.js';

/**
 * The JSON Schema of what a command prints with `--json`, as the build made it from the type of the command's result.
 * @param root folder of the launcher's command table
 * @throws ConfigError when the build left it out
 */
export function readOutputSchema(root: string, id: string): string {
  const file = join(root, 'schemas', `${id}.json`);
  try {
    return `${JSON.stringify(JSON.parse(readFileSync(file, 'utf8')), null, 2)}\n`;
  } catch (cause) {
    throw new ConfigError(`the schema of ${id} cannot be read from ${file}`, { hint: 'install the package again', cause });
  }
}
