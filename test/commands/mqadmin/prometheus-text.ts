/* A strict reader of Prometheus' text format 0.0.4, written from its description: what it does not know, it refuses. */

/** One value with its name and labels. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)$|^NaN$/i;

/** @throws Error with the line that breaks a rule of the format. */
export function parseExposition(text: string): Series[] {
  if (!text.endsWith('\n')) {
    throw new Error('the last line has no end');
  }
  const all: Series[] = [];
  const seen = new Set<string>();
  const done = new Set<string>();
  let current = { name: '', help: false, type: '' };
  for (const line of text.slice(0, -1).split('\n')) {
    const refuse = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      done.add(current.name);
      current = { name, help: true, type: '' };
      if (done.has(name) || NAME.exec(name)?.[0] !== name || /\\(?![\\n])/.test(rest)) {
        refuse('HELP comes twice or cannot be');
      }
    } else if (keyword === 'TYPE') {
      if (name !== current.name || current.type !== '' || !['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest)) {
        refuse('TYPE cannot be');
      }
      current.type = rest;
    } else if (line.startsWith('#')) {
      refuse('neither HELP nor TYPE');
    } else if (line !== '') {
      const series = seriesOf(line, refuse);
      const key = JSON.stringify([series.name, Object.entries(series.labels).sort()]);
      if (series.name !== current.name || current.type === '' || seen.has(key)) {
        refuse('a value without its TYPE, or twice');
      }
      if (current.type === 'counter' && !(series.value >= 0)) {
        refuse('a counter below 0');
      }
      seen.add(key);
      all.push(series);
    }
  }
  return all;
}

function seriesOf(line: string, refuse: (why: string) => never): Series {
  const name = NAME.exec(line)?.[0] ?? refuse('no name');
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    while (!rest.startsWith('}')) {
      const [whole, label, text] = LABEL.exec(rest) ?? refuse('labels cannot be read');
      if (label === undefined || text === undefined || label in labels) {
        refuse('a label comes twice');
      } else {
        labels[label] = text.replaceAll(/\\(.)/g, (_, its: string) => (its === 'n' ? '\n' : its));
      }
      rest = rest.slice(whole.length).replace(/^,/, '');
    }
    rest = rest.slice(1);
  }
  const number = rest.startsWith(' ') ? rest.slice(1) : refuse('no blank before the value');
  return NUMBER.test(number) ? { name, labels, value: Number(number) } : refuse('no number');
}

type Wanted = { readonly name: string } & Readonly<Record<string, string>>;

function matching(series: readonly Series[], { name, ...labels }: Wanted): Series[] {
  return series.filter((entry) => entry.name === name && Object.entries(labels).every(([label, text]) => entry.labels[label] === text));
}

/** The one value that matches. */
export function theValue(series: readonly Series[], wanted: Wanted): number {
  const found = matching(series, wanted);
  if (found.length !== 1) {
    throw new Error(`${found.length} values of ${JSON.stringify(wanted)}`);
  }
  return found[0]?.value ?? Number.NaN;
}

/** The sum of the values that match, of which there must be some. */
export function sum(series: readonly Series[], wanted: Wanted): number {
  const found = matching(series, wanted);
  if (found.length === 0) {
    throw new Error(`no value of ${JSON.stringify(wanted)}`);
  }
  return found.reduce((total, { value }) => total + value, 0);
}
