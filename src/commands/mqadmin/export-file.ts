import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Output } from '../../cli/output.js';
import { ConfigError } from '../../common/errors.js';
import { stringifyFastjson } from '../../common/fastjson.js';

/** Where Apache's tool leaves its exports. */
export const EXPORT_FOLDER = process.platform === 'win32' ? join(tmpdir(), 'rocketmq', 'export') : '/tmp/rocketmq/export';

/** What was exported, and where to. */
export interface Exported<C> {
  readonly file: string;
  /** What is in the file. */
  readonly content: C;
}

/** Writes the file in the layout of Apache's tool, over one that is there. @throws ConfigError when it cannot be written */
export async function writeExport<C>(folder: string, name: string, content: unknown): Promise<Exported<C>> {
  const file = `${folder}/${name}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, stringifyFastjson(content, { pretty: true }));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
      hint: 'name another folder with -f, --filePath',
      cause,
    });
  }
  return { file, content: JSON.parse(stringifyFastjson(content)) as C };
}

export function printExported({ file }: Exported<unknown>, out: Output): void {
  out.line(`export ${file} success`);
}
