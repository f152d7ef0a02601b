/**
 * Column formats written as Apache's tool writes them (`%-22s  %9.2f`), so that a title and its row can be compared with the
 * reference letter for letter. Knows %s, %d and %f with `-`, `0`, width and precision, and %%.
 */
export function format(template: string, ...values: readonly (string | number | bigint | boolean)[]): string {
  let next = 0;
  return template.replace(
    /%(?:%|([-0]*)(\d*)(?:\.(\d+))?([sdf]))/g,
    (whole, flags: string, width: string, precision: string, kind: string) => {
      if (whole === '%%') {
        return '%';
      }
      const value = values[next++];
      if (value === undefined) {
        throw new RangeError(`format "${template}" has more fields than values`);
      }
      const text = kind === 'f' ? Number(value).toFixed(precision === undefined ? 6 : Number(precision)) : String(value);
      const size = Number(width || 0);
      if (flags.includes('-')) {
        return text.padEnd(size);
      }
      return flags.includes('0') ? text.padStart(size, '0') : text.padStart(size);
    },
  );
}

/** At most `length` characters of the text's beginning, as Apache's tool cuts long names. */
export function cut(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) : text;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `yyyy-MM-dd HH:mm:ss` in the local time zone. */
export function dateTime(ms: number): string {
  const date = new Date(ms);
  const day = `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `yyyy-MM-dd HH:mm:ss,SSS` in the local time zone. */
export function dateTimeMs(ms: number): string {
  return `${dateTime(ms)},${String(new Date(ms).getMilliseconds()).padStart(3, '0')}`;
}
