import { readFile } from 'node:fs/promises';
import { ConfigError, NotFoundError, UsageError } from '../../common/errors.js';
import { type BenchResult, RESULT_SCHEMA } from '../result.js';
import { directionsOf } from './metrics.js';

/** A result with the name by which messages call it. */
export interface NamedResult {
  readonly name: string;
  readonly result: BenchResult;
}

/** Reads a result that `--json FILE` wrote. */
export async function readResultFile(file: string): Promise<NamedResult> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT'
      ? new NotFoundError(`${file} does not exist`, { hint: 'mqbench … --json FILE writes a result', cause: error })
      : new UsageError(`${file} cannot be read: ${message}`, { cause: error });
  }
  return { name: file, result: parseResult(text, file) };
}

/** Refuses to write a comparison over a result that it may be about: `--json` takes the next word, and that may have been meant as an input. */
export async function keepsInput(jsonFile: string | undefined): Promise<void> {
  if (jsonFile === undefined || jsonFile === '') {
    return;
  }
  const existing = await readResultFile(jsonFile).catch(() => undefined);
  if (existing !== undefined && existing.result.kind !== 'compare') {
    throw new UsageError(`--json ${jsonFile} would overwrite a result of kind ${existing.result.kind}`, {
      hint: 'name another file, or put --json last to print the comparison',
    });
  }
}

/** The result in a text, checked as far as a comparison needs it. */
export function parseResult(text: string, name: string): BenchResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${name} is no JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  const { schema, kind, config, environment } = (value ?? {}) as Partial<Record<keyof BenchResult, unknown>>;
  if (schema !== RESULT_SCHEMA) {
    const found = schema === undefined ? 'has no schema' : `has the schema ${JSON.stringify(schema)}`;
    throw new ConfigError(`${name} ${found}, and not ${RESULT_SCHEMA}`, { hint: 'give results that mqbench … --json wrote' });
  }
  if (
    typeof kind !== 'string' ||
    typeof config !== 'object' ||
    config === null ||
    typeof environment !== 'object' ||
    environment === null
  ) {
    throw new ConfigError(`${name} is no whole result: kind, config or environment is missing`);
  }
  return value as BenchResult;
}

/** Refuses results that say nothing together: of different kinds, without a run's figures, or of a part of a run. */
export function checkComparable(results: readonly NamedResult[]): void {
  const [first] = results;
  for (const { name, result } of results) {
    if (result.kind !== first?.result.kind) {
      throw new UsageError(`${first?.name} is of kind ${first?.result.kind}, ${name} of kind ${result.kind}: they cannot be compared`);
    }
    if (directionsOf(result).length === 0) {
      throw new UsageError(`${name} is of kind ${result.kind}, which has no figures of one run to compare`);
    }
    if (result.partial === true || result.interrupted === true) {
      const why = result.partial === true ? `: ${result.failure ?? 'its run failed'}` : ': its run was interrupted';
      throw new UsageError(`${name} is only a part of its run${why}`, { hint: 'compare whole runs' });
    }
  }
}
