import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const STYLE = readFileSync(resolve(import.meta.dirname, '../../../src/bench/report/page/style.css'), 'utf8');

/** Colours by their names; `selector` begins the rule that sets them. */
function coloursOf(selector: string): Map<string, string> {
  const from = STYLE.indexOf(`${selector} {`);
  const rule = STYLE.slice(from, STYLE.indexOf('}', from));
  return new Map([...rule.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', colour = '']) => [name, colour]));
}

/** WCAG's relative luminance. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a = '', b = ''): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((one, other) => other - one);
  return (light + 0.05) / (dark + 0.05);
}

const THEMES: [name: string, selector: string][] = [
  ['light', ':root'],
  ['dark', ':root[data-theme="dark"]'],
];

describe.each(THEMES)('%s colours', (_, selector) => {
  const colours = coloursOf(selector);
  const names = [...colours.keys()];

  it('of text can be read on everything it stands on', () => {
    const pairs = [
      ...['text', 'muted', 'accent', 'good', 'bad', 'warn'].flatMap((text) => [`${text} on card`, `${text} on page`]),
      ...[
        'text on soft',
        'muted on soft',
        'good on good-soft',
        'bad on bad-soft',
        'warn on warn-soft',
        'text on bad-soft',
        'text on warn-soft',
      ],
    ];
    const poor = pairs.filter((pair) => {
      const [text = '', ground = ''] = pair.split(' on ');
      return !(contrast(colours.get(text), colours.get(ground)) >= 4.5);
    });
    expect(poor).toEqual([]);
  });

  it('of lines stand out from the card', () => {
    const lines = names.filter((name) => /^(series|metric)-\d$/.test(name));
    expect(lines).toHaveLength(16);
    expect(lines.filter((name) => contrast(colours.get(name), colours.get('card')) < 3)).toEqual([]);
  });
});

it('dark colours are the same by choice and by the preference of the system', () => {
  expect(coloursOf(':root:not([data-theme])')).toEqual(coloursOf(':root[data-theme="dark"]'));
});
