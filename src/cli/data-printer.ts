import { UsageError } from '../common/errors.js';
import { suggest } from '../common/suggest.js';
import { toJson } from './output.js';
import { OUTPUT_FORMATS, type OutputFormat } from './output-formats.js';

export function readOutputFormat(word: string): OutputFormat {
  const format = OUTPUT_FORMATS.find((known) => known === word);
  if (format === undefined) {
    const near = suggest(word, OUTPUT_FORMATS)[0];
    throw new UsageError(`--output ${word}: expected ${OUTPUT_FORMATS.slice(0, -1).join(', ')} or ${OUTPUT_FORMATS.at(-1)}`, {
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  return format;
}

/** A result without Maps, Buffers and absent values; bigints stay. */
type Plain = string | number | bigint | boolean | null | Plain[] | { [key: string]: Plain };
type Row = Map<string, Plain>;

/** Prints one result, or the results of several rounds, in a format for programs, or as a table that cuts nothing. */
export class DataPrinter {
  readonly #format: Exclude<OutputFormat, 'text'>;
  readonly #write: (text: string) => void;
  readonly #toYaml: ((value: Plain) => string) | null;
  #printed = 0;
  #header = '';

  private constructor(format: Exclude<OutputFormat, 'text'>, write: (text: string) => void, toYaml: ((value: Plain) => string) | null) {
    this.#format = format;
    this.#write = write;
    this.#toYaml = toYaml;
  }

  /** Loads what the format needs. */
  static async open(format: Exclude<OutputFormat, 'text'>, write: (text: string) => void): Promise<DataPrinter> {
    if (format !== 'yaml') {
      return new DataPrinter(format, write, null);
    }
    const { default: yaml } = await import('yaml');
    return new DataPrinter(format, write, (value) => yaml.stringify(value, { lineWidth: 0 }));
  }

  print(result: unknown): void {
    switch (this.#format) {
      case 'json':
        this.#write(`${toJson(result)}\n`);
        break;
      case 'yaml':
        this.#write(`${this.#printed > 0 ? '---\n' : ''}${this.#toYaml?.(plain(result)) ?? ''}`);
        break;
      case 'csv':
        this.#csv(rowsOf(plain(result)));
        break;
      case 'name':
        this.#write(lines(namesOf(rowsOf(plain(result)))));
        break;
      case 'wide':
        this.#write(`${this.#printed > 0 ? '\n' : ''}${lines(table(rowsOf(plain(result))))}`);
        break;
    }
    this.#printed++;
  }

  /** RFC 4180, with line feeds. The header comes again only where the columns are others. */
  #csv(rows: readonly Row[]): void {
    const columns = columnsOf(rows);
    const header = columns.map(csvField).join(',');
    const body = rows.map((row) => columns.map((column) => csvField(cell(row.get(column)))).join(','));
    if (columns.length > 0) {
      this.#write(lines(header === this.#header ? body : [header, ...body]));
    }
    this.#header = header;
  }
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

function plain(value: unknown): Plain {
  if (value === null || value === undefined) {
    return null;
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString('base64');
  }
  if (Array.isArray(value)) {
    return value.map(plain);
  }
  if (typeof value === 'object') {
    const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined).map(([key, item]) => [String(key), plain(item)]));
  }
  return typeof value === 'number' && !Number.isFinite(value) ? null : (value as Plain);
}

/**
 * The rows of a result: what is in its first list, in its own order; a result without a list is one row. Objects within a row become columns
 * with dots in their names.
 */
function rowsOf(result: Plain): Row[] {
  const { name, list } = listOf(result);
  return list.map((item) => {
    const row: Row = new Map();
    if (isObject(item)) {
      flatten(item, '', row);
    } else {
      row.set(name, item);
    }
    return row;
  });
}

function isObject(value: Plain): value is { [key: string]: Plain } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** With the name of what is in it: of the list `topics`, a `topic`. */
function listOf(result: Plain): { name: string; list: readonly Plain[] } {
  if (Array.isArray(result)) {
    return { name: 'value', list: result };
  }
  for (const [key, value] of isObject(result) ? Object.entries(result) : []) {
    if (Array.isArray(value)) {
      return { name: key.replace(/s$/, ''), list: value };
    }
  }
  return { name: 'value', list: [result] };
}

function flatten(item: Plain, path: string, row: Row): void {
  if (!isObject(item)) {
    row.set(path, item);
    return;
  }
  for (const [key, value] of Object.entries(item)) {
    flatten(value, path === '' ? key : `${path}.${key}`, row);
  }
}

function columnsOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => [...row.keys()]))];
}

function cell(value: Plain | undefined): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (Array.isArray(value)) {
    return value.every((item) => item === null || typeof item !== 'object') ? value.map(cell).join(';') : toJson(value, 0);
  }
  return typeof value === 'object' ? toJson(value, 0) : String(value);
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Columns that name what a row is about; the first that a row has counts, else its first one. */
const NAME_COLUMNS = [
  'name',
  'msgId',
  'clientId',
  'topic',
  'topicName',
  'group',
  'consumerGroup',
  'groupName',
  'brokerName',
  'clusterName',
  'key',
];

function namesOf(rows: readonly Row[]): string[] {
  const names = rows.map((row) => {
    const name = cell(row.get(NAME_COLUMNS.find((column) => row.has(column)) ?? row.keys().next().value ?? ''));
    // A queue is named with its broker, and its topic where that is said.
    return row.has('queueId') && !row.has('msgId')
      ? [...new Set([name, cell(row.get('brokerName')), cell(row.get('queueId'))])].join('@')
      : name;
  });
  return [...new Set(names)].filter((name) => name !== '');
}

const GAP = '  ';
/** Rows with more columns than this are printed below one another. */
const MAX_COLUMNS = 24;

function table(rows: readonly Row[]): string[] {
  const columns = columnsOf(rows);
  if (columns.length > MAX_COLUMNS) {
    const width = Math.max(...columns.map((column) => column.length));
    return rows.flatMap((row, i) => [
      ...(i === 0 ? [] : ['']),
      ...[...row].map(([column, value]) => `${column.padEnd(width)}${GAP}${oneLine(cell(value))}`),
    ]);
  }
  const cells = [columns.map((column) => `#${column}`), ...rows.map((row) => columns.map((column) => oneLine(cell(row.get(column)))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  return columns.length === 0
    ? []
    : cells.map((row) =>
        row
          .map((text, i) => text.padEnd(widths[i] ?? 0))
          .join(GAP)
          .trimEnd(),
      );
}

function oneLine(text: string): string {
  return text === '' ? '-' : text.replaceAll(/[\r\n]+/g, ' ');
}
