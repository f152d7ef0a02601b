import { describe, expect, it } from 'vitest';
import YAML from 'yaml';
import { DataPrinter, readOutputFormat } from '../../src/cli/data-printer.js';
import { OUTPUT_FORMATS, type OutputFormat } from '../../src/cli/output-formats.js';

const QUEUES = {
  topic: 'Orders',
  queues: [
    { brokerName: 'broker-a', queueId: 0, maxOffset: 9223372036854775807n, client: { id: 'c,1', tags: ['a', 'b'] } },
    { brokerName: 'broker-b', queueId: 1, maxOffset: 0n, note: 'two\nlines, and a "quote"' },
  ],
};

async function print(format: Exclude<OutputFormat, 'text'>, ...results: unknown[]): Promise<string> {
  let text = '';
  const printer = await DataPrinter.open(format, (part) => {
    text += part;
  });
  for (const result of results) printer.print(result);
  return text;
}

describe('--output', () => {
  it('knows its formats and names them', () => {
    for (const format of OUTPUT_FORMATS) expect(readOutputFormat(format)).toBe(format);
    expect(() => readOutputFormat('jsn')).toThrow('--output jsn: expected text, wide, json, yaml, csv or name');
  });

  it('csv has a row for each item of the first list, quotes what must be, and says its header once', async () => {
    const text = [
      'brokerName,queueId,maxOffset,client.id,client.tags,note',
      'broker-a,0,9223372036854775807,"c,1",a;b,',
      'broker-b,1,0,,,"two\nlines, and a ""quote"""',
      '',
    ].join('\n');
    expect(await print('csv', QUEUES)).toBe(text);
    expect(await print('csv', { names: ['x', 'y'] }, { names: ['z'] })).toBe('name\nx\ny\nz\n');
    expect(await print('csv', [])).toBe('');
  });

  it('name prints what the rows are about, each once', async () => {
    expect(await print('name', { topics: ['B', 'A', 'B'] })).toBe('B\nA\n');
    expect(await print('name', { messages: [{ topic: 'T', msgId: 'M1', queueId: 0 }] })).toBe('M1\n');
    expect(await print('name', QUEUES)).toBe('broker-a@0\nbroker-b@1\n');
    expect(await print('name', { brokers: [{ address: '10.0.0.1:10911', tps: 1 }] })).toBe('10.0.0.1:10911\n');
  });

  it('wide cuts nothing, and puts rows of many columns below one another', async () => {
    const name = 'N'.repeat(80);
    expect(await print('wide', [{ name, size: 1 }, { name: 'b' }])).toBe(
      `#${'name'.padEnd(79)}  #size\n${name}  1\n${'b'.padEnd(80)}  -\n`,
    );
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`key${i}`, i]));
    expect((await print('wide', [many, many])).split('\n').slice(28, 33)).toEqual(['key28  28', 'key29  29', '', 'key0   0', 'key1   1']);
  });

  it('yaml and json keep everything, round by round', async () => {
    const results = [{ at: new Map([['x', 1n]]), body: Buffer.from('hi'), gone: undefined }, { at: null }];
    const plain = [{ at: { x: 1 }, body: 'aGk=' }, { at: null }];
    const documents = YAML.parseAllDocuments(await print('yaml', ...results));
    expect(documents.map((document) => document.toJS())).toEqual(plain);
    expect(JSON.parse((await print('json', results[0])).trim())).toEqual(plain[0]);
  });
});
