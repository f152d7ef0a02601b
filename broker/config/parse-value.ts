import type { ConfigKey, ConfigValue } from './key.js';

export type ParsedValue = { readonly value: ConfigValue } | { readonly problem: string };

/** Reads the text of a value as its row wants it, or says in a few words what is wrong with it. */
export function parseValue(key: ConfigKey, raw: string): ParsedValue {
  const text = raw.trim();
  switch (key.type) {
    case 'int':
      return parseNumber(key, text, /^[+-]?\d+$/, 'a whole number');
    case 'float':
      return parseNumber(key, text, /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, 'a number');
    case 'bool':
      if (/^(true|false)$/i.test(text)) return { value: text.toLowerCase() === 'true' };
      return { problem: 'is not true or false' };
    case 'enum':
      if (key.choices?.includes(text)) return { value: text };
      return { problem: `is not one of ${key.choices?.join(', ')}` };
    case 'text':
      return { value: text };
  }
}

function parseNumber(key: ConfigKey, text: string, form: RegExp, what: string): ParsedValue {
  if (!form.test(text)) {
    const hint = /^\d+\s*[a-zA-Z]+$/.test(text) ? ' (plain numbers only, no unit)' : '';
    return { problem: `is not ${what}${hint}` };
  }
  const value = Number(text);
  if (key.type === 'int' && !Number.isSafeInteger(value)) return { problem: 'is too large' };
  if (key.min !== undefined && value < key.min) return { problem: `is below ${key.min}` };
  if (key.max !== undefined && value > key.max) return { problem: `is above ${key.max}` };
  return { value };
}
