/**
 * Methods that every Node Buffer has and @types/node leaves out: `toString` and `write` without the dispatch on the
 * encoding's name.
 */
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
