import { constants } from 'node:fs';
import { access, appendFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DeliveryReport } from '../../bench/delivery-report.js';
import type { Assertion } from '../../bench/judge/assertion.js';
import type { Judged, Verdict } from '../../bench/judge/verdict.js';
import { defineOptions } from '../../cli/options.js';
import { toJson } from '../../cli/output.js';
import { AssertionsFailedError, MQError, StoreError, UsageError } from '../../common/errors.js';
import { writeFileWhole } from '../../common/whole-file.js';
import type { CommandContext } from '../base.js';
import { textOf } from './complete.js';

/** What a result is held against, and the files that say how it went. */
export const judgeOptions = defineOptions({
  assert: { kind: 'texts', own: true, text: "What must hold, eg: 'send.latencyMs.p99<20'; several times; exit code 99 when it does not" },
  junit: { own: true, text: 'Write a JUnit file: a test case for each assertion' },
  markdown: { own: true, text: 'Append a summary to the file, eg: $GITHUB_STEP_SUMMARY' },
});

export interface JudgeValues {
  readonly json?: string | undefined;
  readonly assert?: readonly string[] | undefined;
  readonly junit?: string | undefined;
  readonly markdown?: string | undefined;
  readonly allowLoss?: boolean | undefined;
  readonly allowDuplicates?: boolean | undefined;
  readonly allowDisorder?: boolean | undefined;
}

/** What a command gives to be judged. */
interface Judging {
  /** `mqbench producer`. */
  readonly name: string;
  readonly values: JudgeValues;
  readonly context: CommandContext;
}

/** Runs the work, judges what it gives, and writes the files that the options name. A failed assertion is an error that carries the result. */
export async function withVerdicts<R extends object>({ name, values, context }: Judging, work: () => Promise<R>): Promise<R> {
  const assertions = await readAssertions(values.assert ?? []);
  await checkFiles(values);
  const began = Date.now();
  const report = (outcome: Omit<Outcome, 'name' | 'began'>): Promise<MQError[]> => writeReports(values, { name, began, ...outcome });
  let result: R;
  try {
    result = await work();
  } catch (error) {
    const partial = error instanceof MQError ? error.context.result : undefined;
    const failure = error instanceof Error ? error.message : String(error);
    const judged = await judgedResult({ ...(partial as object | undefined), partial: true, failure }, assertions, values);
    if (error instanceof MQError && partial !== undefined) {
      error.context.result = judged;
    }
    const verdicts = (judged.assertions ?? []).map((verdict) =>
      partial === undefined ? { ...verdict, reason: 'the run gave no result' } : verdict,
    );
    const faults = await report({ result: partial === undefined ? undefined : judged, verdicts, failure });
    for (const fault of faults) {
      context.out.note(fault.message);
    }
    throw error;
  }
  const { partialReason } = await import('../../bench/judge/verdict.js');
  const judged = await judgedResult(result, assertions, values);
  const verdicts = judged.assertions ?? [];
  const failure = partialReason(judged);
  const faults = await report({ result: judged, verdicts, ...(failure === undefined ? {} : { failure }) });
  const verdict = errorOf(verdicts, context);
  const [first, ...others] = verdict === undefined ? faults : [verdict, ...faults];
  for (const fault of others) {
    context.out.note(fault.message);
  }
  if (first !== undefined) {
    first.context.result = judged;
    throw first;
  }
  return judged;
}

async function readAssertions(expressions: readonly string[]): Promise<Assertion[]> {
  if (expressions.length === 0) {
    return [];
  }
  const { parseAssertion } = await import('../../bench/judge/assertion.js');
  const assertions = expressions.map(parseAssertion);
  const { checkPath } = await import('../../bench/judge/schema-paths.js');
  for (const assertion of assertions) {
    checkPath(assertion);
  }
  return assertions;
}

async function judgedResult<R extends object>(result: R, assertions: readonly Assertion[], values: JudgeValues): Promise<Judged<R>> {
  const { judge } = await import('../../bench/judge/verdict.js');
  const { assertions: own = [] }: { readonly assertions?: readonly Verdict[] } = result;
  const verdicts = [...own, ...judge(result, assertions), ...(await deliveryFaults(result, values))];
  return verdicts.length === 0 ? result : { ...result, assertions: verdicts };
}

/** Losses, duplicates and disorder fail a run that nobody asserts anything of. */
async function deliveryFaults(
  { delivery, interrupted }: { readonly delivery?: DeliveryReport; readonly interrupted?: true },
  values: JudgeValues,
): Promise<Verdict[]> {
  if (delivery === undefined) {
    return [];
  }
  const { deliveryVerdicts } = await import('../../bench/delivery-report.js');
  const { allowLoss = false, allowDuplicates: duplicates = false, allowDisorder: disorder = false } = values;
  // What a run that was ended early did not wait for is not lost.
  return deliveryVerdicts(delivery, { loss: allowLoss || interrupted === true, duplicates, disorder });
}

/** The failed ones, one line each; a number that the result does not have is a fault of the expression. */
function errorOf(verdicts: readonly Verdict[], context: CommandContext): MQError | undefined {
  const failed = verdicts.filter(({ passed }) => !passed);
  const lines = failed.map(({ expression, reason }) => `assertion failed: ${expression}: ${reason}`);
  if (failed.length === 0) {
    return undefined;
  }
  if (failed.every(({ actual }) => actual === null)) {
    return new UsageError(lines.join('; '));
  }
  for (const line of lines) {
    context.out.note(line);
  }
  const all = verdicts.length === 1 ? 'the assertion' : `${failed.length} of ${verdicts.length} assertions`;
  return new AssertionsFailedError(`${all} failed`);
}

/** A path that cannot be written is better found before a run of an hour than after it. */
async function checkFiles(values: JudgeValues): Promise<void> {
  for (const [option, file] of filesOf(values)) {
    try {
      await access(dirname(file), constants.W_OK | constants.X_OK);
      const existing = await stat(file).catch(() => undefined);
      if (existing?.isDirectory() === true) {
        throw new Error('it is a directory');
      }
    } catch (error) {
      throw new UsageError(`--${option} ${file} cannot be written: ${textOf(error)}`, { cause: error });
    }
  }
}

function filesOf(values: JudgeValues): ['json' | 'junit' | 'markdown', string][] {
  return (['json', 'junit', 'markdown'] as const)
    .map((option): ['json' | 'junit' | 'markdown', string] => [option, values[option] ?? ''])
    .filter(([, file]) => file !== '');
}

interface Outcome {
  readonly name: string;
  /** When the run began. */
  readonly began: number;
  /** Absent when the run gave none. */
  readonly result: object | undefined;
  readonly verdicts: readonly Verdict[];
  readonly failure?: string;
}

/** Writes every file that is named; what could not be written comes back. */
async function writeReports(values: JudgeValues, outcome: Outcome): Promise<MQError[]> {
  const faults: MQError[] = [];
  for (const [option, file] of filesOf(values)) {
    if (option === 'json' && outcome.result === undefined) {
      continue;
    }
    try {
      const text = await reportText(option, outcome);
      if (option === 'markdown') {
        await appendFile(file, text);
      } else {
        writeFileWhole(file, text);
      }
    } catch (error) {
      faults.push(writeError(`--${option} ${file} was not written: ${textOf(error)}`, error));
    }
  }
  return faults;
}

async function reportText(option: 'json' | 'junit' | 'markdown', outcome: Outcome): Promise<string> {
  const { name, began, result, verdicts, failure } = outcome;
  const shared = { name, verdicts, ...(failure === undefined ? {} : { failure }) };
  if (option === 'json') {
    return `${toJson(result)}\n`;
  }
  if (option === 'markdown') {
    const { markdownSummary } = await import('../../bench/judge/markdown.js');
    return markdownSummary({ ...shared, result: { ...result } });
  }
  const { junitXml } = await import('../../bench/judge/junit.js');
  const { command, environment } = (result ?? {}) as { command?: unknown; environment?: Readonly<Record<string, unknown>> };
  const properties = Object.entries({ command, node: environment?.node, platform: environment?.platform, cores: environment?.cores })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, String(value)]);
  return junitXml({
    ...shared,
    startedAt: new Date(began).toISOString(),
    seconds: (Date.now() - began) / 1000,
    properties: Object.fromEntries(properties),
  });
}

/** A wrong path is wrong usage; a disk that is full or broken is not. */
function writeError(message: string, cause: unknown): MQError {
  const { code } = cause as NodeJS.ErrnoException;
  return ['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'EPERM', 'EROFS', 'ENAMETOOLONG'].includes(code ?? '')
    ? new UsageError(message, { cause })
    : new StoreError(message, { code: 'REPORT_NOT_WRITTEN', cause });
}
