/** Text of results comes from anywhere: all of it enters the page through {@link html}, which escapes it. */

/** Markup that is safe to put into a page as it is. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | readonly Html[] | false | undefined;

/** The longest text that a page shows of one value. */
const LONGEST_TEXT = 4000;

/** Markup from a template: strings and numbers among the values are escaped, absent ones left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    text += partText(value) + (strings[index + 1] ?? '');
  });
  return new Html(text);
}

function partText(value: Part): string {
  if (value === undefined || value === false) {
    return '';
  }
  if (value instanceof Html) {
    return value.text;
  }
  return typeof value === 'object' ? value.map(({ text }) => text).join('') : escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

/** Text as it stands between tags or in a quoted attribute: no tag can begin in it and no direction of writing can leave it. */
export function escapeText(text: string): string {
  return visibleText(text).replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');
}

/** Without control characters and marks that turn the direction of what follows; cut where it is endless. */
export function visibleText(text: string): string {
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  return cut.replace(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd');
}

/** JSON inside a script element: no character in it means anything to the parser of the page. */
export function scriptJson(value: unknown): Html {
  return new Html(
    JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
