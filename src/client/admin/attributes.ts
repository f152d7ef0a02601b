import { UsageError } from '../../common/errors.js';

/** Reads `+key=value,-key` into a table whose keys keep their sign; that is also the form on the wire. */
export function parseAttributes(text: string | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const part of (text ?? '').split(',').map((piece) => piece.trim())) {
    if (part === '') {
      continue;
    }
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    if (!/^[+-]./.test(key) || (key.startsWith('+') && equals < 0)) {
      throw new UsageError(`attribute "${part}" is neither +key=value nor -key`, { hint: 'example: +message.type=FIFO,-cleanup.policy' });
    }
    if (attributes[key] !== undefined) {
      throw new UsageError(`attribute ${key} is given twice`);
    }
    attributes[key] = equals < 0 ? '' : part.slice(equals + 1);
  }
  return attributes;
}

/** The text form of {@link parseAttributes}. */
export function attributesText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([key, value]) => (value === '' ? key : `${key}=${value}`))
    .join(',');
}
