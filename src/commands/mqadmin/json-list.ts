import { UsageError } from '../../common/errors.js';
import type { JsonObject } from '../../common/fastjson.js';

/** Reads a file with a JSON array of objects. @throws UsageError that names the file and what is wrong with it. */
export async function readJsonList<T>(path: string, noun: string, decode: (item: JsonObject) => T): Promise<T[]> {
  const [{ readFile }, { parseFastjson }] = await Promise.all([import('node:fs/promises'), import('../../common/fastjson.js')]);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`-f, --filename: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, { cause });
  }
  try {
    const list = parseFastjson(text);
    if (!Array.isArray(list)) {
      throw new UsageError('it is no array');
    }
    return list.map((entry) => {
      if (typeof entry !== 'object' || entry === null || Array.isArray(entry) || entry instanceof Map) {
        throw new UsageError(`${JSON.stringify(entry)} is no ${noun}`);
      }
      return decode(entry);
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`-f, --filename: ${path} is not a JSON array of ${noun}s: ${why}`, { cause });
  }
}
