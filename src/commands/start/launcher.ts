import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../../common/errors.js';

/** Path of a launcher: `bin/` of the package this file was built into, or of the repository it stands in. */
export function launcher(bin: string, from: string = import.meta.url): string {
  for (let dir = dirname(fileURLToPath(from)); ; dir = dirname(dir)) {
    const file = join(dir, 'bin', `${bin}.js`);
    if (existsSync(file)) return file;
    if (dir === dirname(dir)) throw new ConfigError(`the launcher ${bin} is not beside this program`, { code: 'LAUNCHER' });
  }
}
