import { readFile } from 'node:fs/promises';
import { defineOptions } from '../../cli/options.js';
import { KINDS, type Kind, SECTIONS } from '../../client/admin/definitions/kinds.js';
import type { LiveCluster } from '../../client/admin/definitions/read-live.js';
import { ConfigError, UsageError } from '../../common/errors.js';
import { suggest } from '../../common/suggest.js';
import type { CommandContext } from '../base.js';

/** Options of the commands that deal with definitions. */
export const DEFINITIONS_OPTIONS = defineOptions({
  clusterName: { short: 'c', own: true, text: 'Cluster; not needed where the name servers know one only' },
  kind: { own: true, text: `Sections, with commas between them: ${KINDS.map((kind) => SECTIONS[kind].key).join(', ')}; all without it` },
});

/** The kinds of `--kind`; null where all are meant. */
export function readKinds(text: string | undefined): readonly Kind[] | null {
  if (text === undefined) {
    return null;
  }
  return text.split(',').map((word) => {
    const key = word.trim();
    const kind = KINDS.find((known) => SECTIONS[known].key === key || known === key);
    if (kind === undefined) {
      const keys = KINDS.map((known) => SECTIONS[known].key);
      const near = suggest(key, keys)[0];
      throw new UsageError(`--kind ${key}: expected ${keys.join(', ')}`, near === undefined ? {} : { hint: `did you mean ${near}?` });
    }
    return kind;
  });
}

/** The text of a file; `-` is the standard input. */
export async function readSource(file: string, context: CommandContext): Promise<string> {
  if (file === '-') {
    const chunks: Buffer[] = [];
    for await (const chunk of context.io.stdin) {
      chunks.push(Buffer.from(chunk as Uint8Array));
    }
    return Buffer.concat(chunks).toString('utf8');
  }
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
      hint: 'mqadmin export -f FILE writes one',
      cause,
    });
  }
}

/** Says of which brokers nothing is known. */
export function noteMissingMasters({ clusterName, withoutMaster }: LiveCluster, { out }: CommandContext): void {
  if (withoutMaster.length > 0) {
    out.note(`note: no master of ${withoutMaster.join(', ')} is registered in cluster ${clusterName}: not looked at`);
  }
}
