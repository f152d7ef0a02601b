import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import type { BenchHooks } from '../../bench/progress.js';
import type { BenchResult } from '../../bench/result.js';
import type { OptionTable } from '../../cli/options.js';
import { ConnectError, MQError, StoreError, UsageError } from '../../common/errors.js';
import type { CommandContext } from '../base.js';
import { quoted, type ShownValue, withoutSecrets } from './secrets.js';

/** What a run is completed from. */
export interface CompletedRun {
  /** `mqbench producer`. */
  readonly name: string;
  readonly argv: readonly string[];
  /** All that the command takes, common ones, too. */
  readonly options: OptionTable;
  readonly shown?: ShownValue;
  readonly context: CommandContext;
}

/**
 * Adds to a result what only the command knows, and says its warnings on stderr.
 * @throws ConnectError for a run that could not go on, with what it measured.
 */
export async function completed<R extends BenchResult>(run: CompletedRun, work: () => Promise<R>): Promise<R> {
  const { withWarnings } = await import('../../bench/warnings.js');
  const add = (result: R): R => {
    const whole = { ...withWarnings(result), command: commandLine(run, result) };
    for (const warning of whole.warnings ?? []) {
      run.context.out.note(`warning: ${warning}`);
    }
    return whole;
  };
  let result: R;
  try {
    result = add(await work());
  } catch (error) {
    if (error instanceof MQError && isResult<R>(error.context.result)) {
      error.context.result = add(error.context.result);
    }
    throw error;
  }
  if (result.partial === true) {
    throw new ConnectError(result.failure ?? 'the run could not go on', { code: 'PARTIAL_RUN', context: { result } });
  }
  return result;
}

function isResult<R extends BenchResult>(value: unknown): value is R {
  return typeof value === 'object' && value !== null && 'kind' in value && 'config' in value;
}

/** The command line that repeats a run: what was given, and what was found in the environment or drawn, but no keys. */
export function commandLine({ name, argv, options, shown }: Omit<CompletedRun, 'context'>, { config, seed }: BenchResult): string {
  const words = withoutSecrets(argv, options, shown);
  const has = (...spellings: string[]): boolean => argv.some((word) => spellings.includes(word.split('=')[0] ?? ''));
  if (typeof config.namesrvAddr === 'string' && !has('-n', '--namesrvAddr', '--embedded')) {
    words.push('-n', config.namesrvAddr);
  }
  if (seed !== undefined && 'seed' in options && !has('--seed')) {
    words.push('--seed', String(seed));
  }
  return [name, ...words.map(quoted)].join(' ');
}

/** Files of HdrHistogram's tools that a run writes. */
export interface HdrFiles {
  readonly hlog?: string | undefined;
  readonly hgrm?: string | undefined;
}

/** Opens the interval log, hands the hooks on with it, and writes what is left when the run is over, also when it failed. */
export async function withHdrFiles<R extends BenchResult>(
  { hlog, hgrm }: HdrFiles,
  untagged: string,
  run: (onPoint: BenchHooks['onPoint']) => Promise<R>,
): Promise<R> {
  if (hlog === undefined && hgrm === undefined) {
    return run(undefined);
  }
  const { HdrLog, writeDistributions } = await import('../../bench/hdr-files.js');
  if (hgrm !== undefined) {
    opening('--hgrm', hgrm, () => accessSync(dirname(hgrm), constants.W_OK));
  }
  const log = hlog === undefined ? undefined : opening('--hlog', hlog, () => new HdrLog(hlog, untagged));
  const finish = (result: R | undefined): StoreError | undefined => {
    log?.end(result);
    try {
      if (hgrm !== undefined && result !== undefined) {
        writeDistributions(hgrm, result);
      }
    } catch (error) {
      return notWritten(`--hgrm ${hgrm}`, error, result);
    }
    return log?.failure === undefined ? undefined : notWritten(`--hlog ${hlog}`, log.failure, result);
  };
  let result: R;
  try {
    result = await run(log === undefined ? undefined : (point) => log.add(point));
  } catch (error) {
    // Why the run failed says more than that a file is not whole either.
    finish(error instanceof MQError && isResult<R>(error.context.result) ? error.context.result : undefined);
    throw error;
  }
  const fault = finish(result);
  if (fault !== undefined) {
    throw fault;
  }
  return result;
}

function opening<T>(option: string, file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw new UsageError(`${option} ${file} cannot be written: ${textOf(error)}`, { cause: error });
  }
}

function notWritten(what: string, cause: unknown, result: unknown): StoreError {
  return new StoreError(`${what} was not written: ${textOf(cause)}`, { code: 'REPORT_NOT_WRITTEN', cause, context: { result } });
}

/** What an error says. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
