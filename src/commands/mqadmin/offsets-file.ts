import { OFFSETS_FORMAT, type OffsetRow } from '../../client/admin/export-offsets.js';
import type { ImportRow } from '../../client/admin/import-offsets.js';
import { queueKey } from '../../client/message-queue.js';
import { UsageError } from '../../common/errors.js';

/** Columns that a table of offsets must have. */
const COLUMNS = ['group', 'topic', 'brokerName', 'queueId'] as const;

/** Reads offsets from JSON, YAML or CSV; the text itself shows which. @throws UsageError that says what is wrong with it */
export async function parseOffsets(text: string, place: string): Promise<ImportRow[]> {
  const entries = /^\s*\{/.test(text)
    ? jsonEntries(text, place)
    : isTable(text)
      ? tableEntries(text, place)
      : await yamlEntries(text, place);
  const rows = entries.map((entry, i) => rowOf(entry, `${place}: offset ${i + 1}`));
  const seen = new Set<string>();
  for (const row of rows) {
    const key = `${row.group}\u0000${queueKey(row)}`;
    if (seen.has(key)) {
      throw new UsageError(
        `${place}: group ${row.group} has two offsets for queue ${row.queueId} of topic ${row.topic} on ${row.brokerName}`,
      );
    }
    seen.add(key);
  }
  if (rows.length === 0) {
    throw new UsageError(`${place} has no offsets`);
  }
  return rows;
}

function jsonEntries(text: string, place: string): unknown[] {
  try {
    return entriesOf(JSON.parse(text), place);
  } catch (cause) {
    throw cause instanceof UsageError ? cause : new UsageError(`${place} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

async function yamlEntries(text: string, place: string): Promise<unknown[]> {
  const { default: yaml } = await import('yaml');
  try {
    return entriesOf(yaml.parse(text), place);
  } catch (cause) {
    throw cause instanceof UsageError
      ? cause
      : new UsageError(`${place} is no YAML: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}

function entriesOf(content: unknown, place: string): unknown[] {
  const { format, version, offsets } = (typeof content === 'object' && content !== null ? content : {}) as Record<string, unknown>;
  if (format !== OFFSETS_FORMAT || version !== 1 || !Array.isArray(offsets)) {
    throw new UsageError(`${place} holds no offsets: its format is not ${OFFSETS_FORMAT} of version 1`, {
      hint: 'write one: mqadmin offsets export -f FILE',
    });
  }
  return offsets;
}

function headOf(text: string): string[] {
  return fieldsOf(text.trimStart().split(/\r?\n/, 1)[0] ?? '');
}

function isTable(text: string): boolean {
  const head = headOf(text);
  return COLUMNS.every((column) => head.includes(column));
}

function tableEntries(text: string, place: string): unknown[] {
  const head = headOf(text);
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.slice(1).map((line, i) => {
    const fields = fieldsOf(line);
    if (fields.length !== head.length) {
      throw new UsageError(`${place}: line ${i + 2} has ${fields.length} columns instead of ${head.length}`);
    }
    const numeric = (column: string): boolean => column === 'queueId' || column === 'offset' || column === 'timestamp';
    const value = (column: string, field: string): unknown => (!numeric(column) ? field : field === '' ? null : Number(field));
    return Object.fromEntries(head.map((column, at) => [column, value(column, fields[at] ?? '')]));
  });
}

/** Names have neither quotes nor line ends; quotes around a field are taken off. */
function fieldsOf(line: string): string[] {
  return line.split(',').map((field) => field.trim().replace(/^"(.*)"$/, '$1'));
}

function rowOf(entry: unknown, place: string): ImportRow {
  const row = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<keyof OffsetRow, unknown>;
  const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  const { group, topic, brokerName, queueId, offset = null, timestamp = null } = row;
  for (const [name, value] of Object.entries({ group, topic, brokerName })) {
    if (typeof value !== 'string' || value === '') {
      throw new UsageError(`${place} has no ${name}`);
    }
  }
  if (!isNumber(queueId)) {
    throw new UsageError(`${place}: queueId ${JSON.stringify(queueId)} is no queue's`);
  }
  for (const [name, value] of Object.entries({ offset, timestamp })) {
    if (value !== null && !isNumber(value)) {
      throw new UsageError(`${place}: ${name} ${JSON.stringify(value)} is no whole number of at least 0`);
    }
  }
  return { group, topic, brokerName, queueId, offset, ...('timestamp' in row ? { timestamp } : {}) } as ImportRow;
}
