import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger as PinoLogger, pino } from 'pino';
import { type Clock, systemClock } from '../src/common/clock.js';
import { ConfigError } from '../src/common/errors.js';
import type { Logger } from '../src/common/logger.js';
import { type LogDisk, LogFile, localLogDisk } from './log-file.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

export interface NodeLoggerOptions {
  /** Folder of the log file; no file when absent. */
  readonly dir?: string | undefined;
  /** File name without `.log`. */
  readonly name: string;
  /** A file is renamed to `.1` once it has this many bytes. */
  readonly maxBytes?: number;
  /** How many files stay, the current one included. */
  readonly maxFiles?: number;
  /** Where people read: one line an event, without JSON. */
  readonly stdout?: { write(text: string): unknown } | null;
  readonly level?: Level;
  readonly clock?: Clock;
  readonly disk?: LogDisk;
}

/** A node's log: JSON lines in a rotated file, plain lines for people. */
export interface NodeLogger extends Logger {
  /** Path of the file; null without one. */
  readonly file: string | null;
  /** From now on only the file is written: the command itself tells people why it ends. */
  muteStdout(): void;
  close(): void;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_MAX_FILES = 5;
const RANK: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Opens the log of a node. The file is written at once, line by line: what led to a crash is in it.
 * A disk that is full or out of descriptors costs lines, never the node; the file tells how many once it can be written again.
 * @throws ConfigError when the folder or file cannot be written.
 */
export function createNodeLogger(options: NodeLoggerOptions): NodeLogger {
  const clock = options.clock ?? systemClock;
  const level = options.level ?? 'info';
  const file = options.dir === undefined ? null : join(options.dir, `${options.name}.log`);
  let stdout = options.stdout ?? null;
  const toPeople = (at: Level, message: string, context?: object): void => {
    stdout?.write(humanLine({ at, message, context, nowMs: clock.nowMs() }));
  };
  const onFailing = (error: Error): void => toPeople('warn', `log file ${file} misses lines from here on: ${error.message}`);
  const sink = file === null ? null : openSink(file, { options, clock, onFailing });
  const log = sink === null ? null : pinoTo(sink, { level, clock });
  const write = (at: Level, message: string, context?: object): void => {
    if (RANK[at] < RANK[level]) return;
    log?.[at](context ?? {}, message);
    toPeople(at, message, context);
  };
  return {
    file,
    debug: (message, context) => write('debug', message, context),
    info: (message, context) => write('info', message, context),
    warn: (message, context) => write('warn', message, context),
    error: (message, context) => write('error', message, context),
    muteStdout: () => {
      stdout = null;
    },
    close: () => sink?.close(),
  };
}

function openSink(
  file: string,
  { options, clock, onFailing }: { options: NodeLoggerOptions; clock: Clock; onFailing: (error: Error) => void },
): LogFile {
  const { maxBytes = DEFAULT_MAX_BYTES, maxFiles = DEFAULT_MAX_FILES, disk = localLogDisk } = options;
  const lostNote = (lines: number, error: Error): string => {
    const msg = `${lines} ${lines === 1 ? 'line is' : 'lines are'} missing here: ${error.message}`;
    return `${JSON.stringify({ level: 'warn', time: timeOf(clock), msg })}\n`;
  };
  try {
    mkdirSync(join(file, '..'), { recursive: true });
    return new LogFile({ file, maxBytes, maxFiles, disk, onFailing, lostNote });
  } catch (cause) {
    throw new ConfigError(`log file ${file} cannot be written: ${(cause as Error).message}`, {
      code: 'LOG_FILE',
      context: { file },
      cause,
    });
  }
}

function pinoTo(sink: LogFile, { level, clock }: { level: Level; clock: Clock }): PinoLogger {
  const timestamp = (): string => `,"time":"${timeOf(clock)}"`;
  return pino({ level, base: null, timestamp, formatters: { level: (label) => ({ level: label }) } }, sink);
}

function timeOf(clock: Clock): string {
  return new Date(clock.nowMs()).toISOString();
}

function humanLine({ at, message, context, nowMs }: { at: Level; message: string; context: object | undefined; nowMs: number }): string {
  const when = new Date(nowMs);
  const local = new Date(nowMs - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 23).replace('T', ' ');
  const facts = Object.entries(context ?? {}).map(([name, value]) => ` ${name}=${plain(value)}`);
  return `${local} ${at.toUpperCase().padEnd(5)} ${message}${facts.join('')}\n`;
}

function plain(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'object' && value !== null
    ? JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner))
    : String(value);
}
