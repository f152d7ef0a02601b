import { describe, expect, it } from 'vitest';
import { SECTIONS, type SectionName } from '../../../broker/config/sections.js';

const CLASSES = Object.entries(SECTIONS) as [SectionName, (typeof SECTIONS)[SectionName]][];

describe('configuration tables', () => {
  it('hold every key of 4.9.7 and 5.3.3', () => {
    const counts = Object.fromEntries(CLASSES.map(([name, { table }]) => [name, Object.keys(table).length]));
    expect(counts).toEqual({ broker: 208, namesrv: 22, server: 18, client: 18, store: 184, auth: 23 });
  });

  it.each(CLASSES)('describe each key of %s', (_, { table }) => {
    for (const [name, key] of Object.entries(table)) expect(key.text, name).not.toBe('');
  });
});
