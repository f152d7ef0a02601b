import { bodyLengthPos, MAGIC_CODE_POS, MESSAGE_MAGIC_CODE_V1, SYS_FLAG_POS } from '../../src/common/message/record.js';

const NAME_END = 1;
const VALUE_END = 2;

/** Reads properties of stored records by name without decoding the others. One object serves one record after the other. */
export class RecordProperties {
  #record: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** Turns to a record, which the caller knows to be whole. */
  load(record: Buffer): void {
    this.#record = record;
    const bodyLengthAt = bodyLengthPos(record.readInt32BE(SYS_FLAG_POS));
    const topicAt = bodyLengthAt + 4 + record.readInt32BE(bodyLengthAt);
    const isV1 = record.readInt32BE(MAGIC_CODE_POS) === MESSAGE_MAGIC_CODE_V1;
    const propertiesAt = isV1 ? topicAt + 1 + record.readUInt8(topicAt) : topicAt + 2 + record.readUInt16BE(topicAt);
    this.#start = propertiesAt + 2;
    this.#end = this.#start + record.readInt16BE(propertiesAt);
  }

  /** Value of a property whose name is ASCII; null when the record has none. Of several the last counts, as in Java's map. */
  readonly read = (name: string): string | null => {
    const record = this.#record;
    let value: string | null = null;
    let at = this.#start;
    while (at < this.#end) {
      let nameEnd = at;
      while (nameEnd < this.#end && record[nameEnd] !== NAME_END && record[nameEnd] !== VALUE_END) nameEnd++;
      let valueEnd = nameEnd;
      while (valueEnd < this.#end && record[valueEnd] !== VALUE_END) valueEnd++;
      if (valueEnd > nameEnd && isAt(record, at, nameEnd, name)) value = record.toString('utf8', nameEnd + 1, valueEnd);
      at = valueEnd + 1;
    }
    return value;
  };
}

function isAt(record: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (record[start + i] !== name.charCodeAt(i)) return false;
  return true;
}
