import type { Writable } from 'node:stream';

/** Where a command prints: data on stdout, everything else on stderr. */
export class Output {
  readonly #stdout: Writable;
  readonly #stderr: Writable;
  #isQuiet = false;
  /** Written in front of what comes next. */
  #beginning = '';
  #printData: (value: unknown) => void = (value) => this.text(`${toJson(value)}\n`);

  constructor(stdout: Writable, stderr: Writable) {
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** One line of data. */
  line(text = ''): void {
    this.text(`${text}\n`);
  }

  /** Data without a newline of its own. */
  text(text: string): void {
    this.#stdout.write(this.#beginning + text);
    this.#beginning = '';
  }

  /** Puts a text in front of the data that comes next; nothing is written when none comes. */
  beginWith(text: string): void {
    this.#beginning = text;
  }

  /** A result in the format that was asked for: JSON unless `printDataBy` said otherwise. */
  data(value: unknown): void {
    this.#printData(value);
  }

  /** From now on remarks are left out. */
  muteNotes(): void {
    this.#isQuiet = true;
  }

  printDataBy(print: (value: unknown) => void): void {
    this.#printData = print;
  }

  /** A line of `--debug`, which was asked for whatever else is left out. */
  trace(text: string): void {
    this.#stderr.write(`${text}\n`);
  }

  /** A remark for the reader; never data. */
  note(text: string): void {
    if (this.#isQuiet) {
      return;
    }
    this.#stderr.write(`${text}\n`);
  }
}

/** JSON with two blanks of indent; Maps become objects, Buffers base64, bigints digits: numbers in the text. */
export function toJson(value: unknown, indent: number | undefined = 2): string {
  const digits: string[] = [];
  // Unlike any text that a message could carry on purpose.
  const mark = `bigint:${Math.random().toString(36).slice(2)}:`;
  const text = JSON.stringify(
    value,
    function replace(this: Record<string, unknown>, key, current: unknown) {
      const original = this[key];
      if (original instanceof Uint8Array) {
        return Buffer.from(original).toString('base64');
      }
      if (typeof current === 'bigint') {
        digits.push(current.toString());
        return `${mark}${digits.length - 1}`;
      }
      return current instanceof Map ? Object.fromEntries(current) : current;
    },
    indent,
  );
  return digits.length === 0 ? text : text.replace(new RegExp(`"${mark}(\\d+)"`, 'g'), (_, index: string) => digits[Number(index)] ?? '0');
}
