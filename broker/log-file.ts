import { closeSync, constants, existsSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** What can fail a log on its disk; everything throws as `node:fs` does. */
export interface LogDisk {
  /** Opens or creates a file that is written at its end, after it was emptied if so asked. */
  open(file: string, options: { empty: boolean }): number;
  /** Writes the bytes from `start` on; returns how many were written, which may be a part. */
  write(descriptor: number, bytes: Buffer, start: number): number;
  rename(from: string, to: string): void;
}

const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND;

/** The disk of this machine. */
export const localLogDisk: LogDisk = {
  open: (file, { empty }) => openSync(file, empty ? APPEND | constants.O_TRUNC : APPEND, 0o666),
  write: (descriptor, bytes, start) => writeSync(descriptor, bytes, start),
  rename: renameSync,
};

export interface LogFileOptions {
  readonly file: string;
  /** The file is renamed to `.1` once it has this many bytes. */
  readonly maxBytes: number;
  /** How many files stay, the current one included. */
  readonly maxFiles: number;
  readonly disk: LogDisk;
  /** The first of a number of lines was lost. */
  readonly onFailing: (error: Error) => void;
  /** Returns the line that tells in the file how many are missing. */
  readonly lostNote: (lines: number, error: Error) => string;
}

/** A rotation that failed is tried again after this part of a file's size. */
const RETRY_PART = 16;

/**
 * A file that is renamed to `.1` when it is full, what was `.1` to `.2`, and so on up to a count. No failure of the disk leaves it:
 * a line that cannot be written is lost and counted, and each further line is an attempt, one only.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  /** -1 once closed. */
  #descriptor: number;
  #bytes: number;
  /** With so many bytes the file is full; more than its size after a rotation that failed. */
  #fullBytes: number;
  #lost: { lines: number; error: Error } | null = null;
  /** The last line in the file ends before its end. */
  #torn = false;

  /** @throws what opening the file throws */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#fullBytes = options.maxBytes;
    this.#descriptor = options.disk.open(options.file, { empty: false });
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  /** Writes a line, which ends with a line feed. Never throws. */
  write(line: string): void {
    if (this.#descriptor < 0) return;
    const bytes = Buffer.byteLength(line);
    if (this.#bytes > 0 && this.#bytes + bytes > this.#fullBytes) this.#rotate();
    try {
      this.#append(line);
      this.#lost = null;
    } catch (error) {
      this.#lose(error as Error);
    }
  }

  close(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = -1;
    if (descriptor >= 0) closeQuietly(descriptor);
  }

  #append(line: string): void {
    const lost = this.#lost;
    const note = lost === null ? '' : this.#options.lostNote(lost.lines, lost.error);
    const bytes = Buffer.from(`${this.#torn ? '\n' : ''}${note}${line}`);
    let written = 0;
    while (written < bytes.length) {
      const part = this.#options.disk.write(this.#descriptor, bytes, written);
      if (part <= 0) throw new Error('the disk takes no more bytes');
      written += part;
      this.#bytes += part;
      this.#torn = written < bytes.length;
    }
  }

  #lose(error: Error): void {
    const lines = (this.#lost?.lines ?? 0) + 1;
    this.#lost = { lines, error };
    if (lines === 1) this.#options.onFailing(error);
  }

  /** Begins a new file. It is open before anything is renamed: without it (no descriptor is free) the old one goes on. */
  #rotate(): void {
    const { file, maxBytes, maxFiles, disk } = this.#options;
    const fresh = `${file}.new`;
    let opened = -1;
    try {
      opened = disk.open(fresh, { empty: true });
      for (let index = maxFiles - 1; index >= 1; index--) {
        const from = index === 1 ? file : `${file}.${index - 1}`;
        if (existsSync(from)) disk.rename(from, `${file}.${index}`);
      }
      disk.rename(fresh, file);
    } catch {
      // No descriptor is free, or somebody holds a file (Windows).
      if (opened >= 0) closeQuietly(opened);
      removeQuietly(fresh);
      this.#fullBytes = this.#bytes + Math.ceil(maxBytes / RETRY_PART);
      return;
    }
    closeQuietly(this.#descriptor);
    this.#descriptor = opened;
    this.#bytes = 0;
    this.#fullBytes = maxBytes;
    this.#torn = false;
  }
}

function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // The bytes of a log that its disk refuses at last have nowhere to go.
  }
}

function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // The next rotation empties it.
  }
}
