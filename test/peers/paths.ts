import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Apache releases that the peers suite runs against. */
export const APACHE_VERSIONS = ['5.3.3', '4.9.7'] as const;
export type ApacheVersion = (typeof APACHE_VERSIONS)[number];

/** Folder of this module's own sources (Java, Go and Node drivers). */
export const peersSourceDir: string = dirname(fileURLToPath(import.meta.url));

/** Root of the repository. */
export const repositoryRoot: string = dirname(dirname(peersSourceDir));

/** Where fetched peers live: MQKIT_PEERS_DIR, else `.peers` beside package.json (ignored by git). */
export function peersDir(): string {
  return process.env.MQKIT_PEERS_DIR ?? join(repositoryRoot, '.peers');
}
