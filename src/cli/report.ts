import { MQError } from '../common/errors.js';
import { toJson } from './output.js';

/** How an error is shown. */
export interface ReportOptions {
  readonly json: boolean;
  /** Print the stack too. */
  readonly debug: boolean;
  /** Set a colour for the word that opens the line. */
  readonly colour?: boolean;
}

/** What is written to stderr, and the exit code of the process. */
export interface ErrorReport {
  readonly text: string;
  readonly exitCode: number;
}

/** One line: what was wrong and what to do. With `json`, one line of JSON. */
export function reportError(error: unknown, options: ReportOptions): ErrorReport {
  const known = asMQError(error);
  const exitCode = known?.exitCode ?? 1;
  if (options.json) {
    const shape = known?.toJSON() ?? { code: 'INTERNAL', category: 'internal', message: messageOf(error) };
    return { text: toJson({ error: { ...shape, context: undefined, ...contextOf(known), exitCode } }, 0), exitCode };
  }
  const line = oneLine(known === null ? `internal error: ${messageOf(error)}` : withHint(known));
  const stack = options.debug || known === null ? stackOf(error, options.debug) : '';
  return { text: `${options.colour === true ? `\u001b[31m${line}\u001b[39m` : line}${stack}`, exitCode };
}

/** The error as one of ours, null for others. Errors of another copy of the class (a bundle of its own) count too. */
export function asMQError(error: unknown): MQError | null {
  if (error instanceof MQError) {
    return error;
  }
  const shape = error as Partial<MQError> | null;
  return error instanceof Error && typeof shape?.category === 'string' && typeof shape.exitCode === 'number' ? (error as MQError) : null;
}

function contextOf(error: MQError | null): Record<string, unknown> {
  if (error === null) {
    return {};
  }
  const { result: _, ...context } = error.context;
  return Object.keys(context).length === 0 ? {} : { context };
}

function withHint(error: MQError): string {
  if (error.hint === undefined) {
    return error.message;
  }
  // Apache's wording may end a sentence of its own.
  return `${error.message}${/[.!?]$/.test(error.message) ? '' : ';'} ${error.hint}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}

function stackOf(error: unknown, causes: boolean): string {
  if (!causes || !(error instanceof Error)) {
    return '';
  }
  let text = `\n${error.stack ?? ''}`;
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    text += `\nCaused by: ${cause.stack ?? cause.message}`;
  }
  return text;
}
