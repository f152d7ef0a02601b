import { existsSync, mkdirSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { destination, type Logger as PinoLogger, pino } from 'pino';
import { type Clock, systemClock } from '../src/common/clock.js';
import { ConfigError } from '../src/common/errors.js';
import type { Logger } from '../src/common/logger.js';

type Level = 'debug' | 'info' | 'warn' | 'error';
type Destination = ReturnType<typeof destination>;

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
 * @throws ConfigError when the folder or file cannot be written.
 */
export function createNodeLogger(options: NodeLoggerOptions): NodeLogger {
  const clock = options.clock ?? systemClock;
  const level = options.level ?? 'info';
  const file = options.dir === undefined ? null : join(options.dir, `${options.name}.log`);
  const sink = file === null ? null : openSink(file, options);
  const log = sink === null ? null : pinoTo(sink, { level, clock });
  let stdout = options.stdout ?? null;
  const write = (at: Level, message: string, context?: object): void => {
    if (RANK[at] < RANK[level]) return;
    log?.[at](context ?? {}, message);
    stdout?.write(humanLine({ at, message, context, nowMs: clock.nowMs() }));
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

function openSink(file: string, options: NodeLoggerOptions): RotatingFile {
  try {
    mkdirSync(join(file, '..'), { recursive: true });
    return new RotatingFile(file, options.maxBytes ?? DEFAULT_MAX_BYTES, options.maxFiles ?? DEFAULT_MAX_FILES);
  } catch (cause) {
    throw new ConfigError(`log file ${file} cannot be written: ${(cause as Error).message}`, {
      code: 'LOG_FILE',
      context: { file },
      cause,
    });
  }
}

function pinoTo(sink: RotatingFile, { level, clock }: { level: Level; clock: Clock }): PinoLogger {
  const timestamp = (): string => `,"time":"${new Date(clock.nowMs()).toISOString()}"`;
  return pino({ level, base: null, timestamp, formatters: { level: (label) => ({ level: label }) } }, sink);
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

/** A file that is renamed to `.1` when it is full, what was `.1` to `.2`, and so on up to a count. */
class RotatingFile {
  readonly #file: string;
  readonly #maxBytes: number;
  readonly #maxFiles: number;
  #destination: Destination;
  #bytes: number;

  constructor(file: string, maxBytes: number, maxFiles: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
    this.#maxFiles = maxFiles;
    this.#bytes = existsSync(file) ? statSync(file).size : 0;
    this.#destination = this.#open();
  }

  write(line: string): void {
    if (this.#bytes > 0 && this.#bytes + line.length > this.#maxBytes) this.#rotate();
    this.#bytes += Buffer.byteLength(line);
    this.#destination.write(line);
  }

  close(): void {
    this.#destination.flushSync();
    this.#destination.end();
  }

  #open(): Destination {
    const opened = destination({ dest: this.#file, sync: true });
    // A full disk must not stop a node because it cannot write its log.
    opened.on('error', () => {});
    return opened;
  }

  #rotate(): void {
    this.close();
    try {
      for (let index = this.#maxFiles - 1; index >= 1; index--) {
        const from = index === 1 ? this.#file : `${this.#file}.${index - 1}`;
        if (existsSync(from)) renameSync(from, `${this.#file}.${index}`);
      }
      if (this.#maxFiles <= 1 && existsSync(this.#file)) unlinkSync(this.#file);
    } catch {
      // Somebody holds a file open (Windows): the next full file tries again.
    }
    this.#bytes = 0;
    this.#destination = this.#open();
  }
}
