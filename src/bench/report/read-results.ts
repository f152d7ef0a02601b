import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError, NotFoundError, UsageError } from '../../common/errors.js';
import { RESULT_SCHEMA } from '../result.js';
import { asObject, fieldOf, type JsonObject } from './json-value.js';
import { type ResultView, resultView } from './result-view.js';

/** Reads the results of the files; a file may hold one or a list of them. The first that cannot be read is an error that names it. */
export async function readResults(files: readonly string[]): Promise<ResultView[]> {
  if (files.length === 0) {
    throw new UsageError('no result to report on', { hint: 'name files that --json wrote: mqbench report a.json b.json -o report.html' });
  }
  const values: { file: string; name: string; value: JsonObject }[] = [];
  const names = fileNames(files);
  for (const [index, file] of files.entries()) {
    const found = resultsIn(file, await parsedFile(file));
    const name = names[index] ?? file;
    found.forEach((value, at) => {
      values.push({ file, name: found.length > 1 ? `${name} ${at + 1}` : name, value });
    });
  }
  return values.map(({ file, name, value }, index) => resultView(value, { index, label: name, file }));
}

/** The shortest ends of the paths that tell the files apart. */
function fileNames(files: readonly string[]): string[] {
  const parts = files.map((file) =>
    path
      .resolve(file)
      .replace(/\.json$/i, '')
      .split(path.sep),
  );
  const nameOf = (one: readonly string[], length: number): string => one.slice(-length).join('/');
  return parts.map((one) => {
    let length = 1;
    while (length < one.length && parts.some((other) => other.join() !== one.join() && nameOf(other, length) === nameOf(one, length))) {
      length++;
    }
    return nameOf(one, length);
  });
}

async function parsedFile(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new NotFoundError(`${file} does not exist`, { hint: 'results are written by mqbench with --json FILE', cause: error });
    }
    throw new UsageError(`${file} cannot be read: ${code === 'EISDIR' ? 'it is a folder; name the files in it' : message}`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    const reason = text.trim() === '' ? 'it is empty' : error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new ConfigError(`${file} is no JSON: ${reason}`, { hint: 'results are written by mqbench with --json FILE', cause: error });
  }
}

function resultsIn(file: string, value: unknown): JsonObject[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) {
    throw new ConfigError(`${file} holds an empty list: there is no result in it`);
  }
  return list.map((one) => {
    const result = asObject(one);
    const schema = fieldOf(result, 'schema');
    if (result === undefined || schema !== RESULT_SCHEMA) {
      const what = schema === undefined ? 'has no schema' : `has the schema ${JSON.stringify(schema).slice(0, 60)}`;
      throw new ConfigError(`${file} is no result of mqbench: it ${what}, expected "${RESULT_SCHEMA}"`, {
        hint: 'results are written by mqbench with --json FILE',
      });
    }
    return result;
  });
}
