/* Every spelling of every option of every command that Apache's tool has: ours, added to them, take nothing away. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OptionSpec, OptionTable } from '../../src/cli/options.js';
import { longName, takesValue } from '../../src/cli/options.js';
import { parseOptions } from '../../src/cli/parse-options.js';
import { commandNames, specOf } from '../commands/mqadmin/run-command.js';

type Entry = readonly [key: string, spec: OptionSpec];

/** One command: its whole table, and what Apache's tool would know of it. Requirements are a matter of their own. */
interface Tables {
  readonly name: string;
  readonly all: OptionTable;
  readonly apache: OptionTable;
  readonly entries: readonly Entry[];
}

const commands: Tables[] = [];

beforeAll(async () => {
  for (const name of commandNames) {
    const { options } = await specOf(name);
    const all = Object.fromEntries(Object.entries(options).map(([key, spec]) => [key, plain(spec)]));
    const apache = Object.entries(all).filter(([, spec]) => spec.own !== true);
    const entries = apache.filter(([key]) => key !== 'help');
    if (entries.length > 0) commands.push({ name, all, apache: Object.fromEntries(apache), entries });
  }
});

function plain(spec: OptionSpec): OptionSpec {
  const { group: _group, groupRequired: _groupRequired, required: _required, ...rest } = spec;
  return rest;
}

function read(table: OptionTable, argv: readonly string[]): Record<string, string> | string {
  try {
    return Object.fromEntries(parseOptions(argv, table).values);
  } catch (error) {
    return (error as Error).message;
  }
}

/** The ways to write an option with a value, of which the parser of Apache's tool takes each. */
function spellings([key, spec]: Entry, value: string): string[][] {
  const long = longName(key, spec).trim();
  const { short } = spec;
  const ofLong = [
    [`--${long}`, value],
    [`--${long}=${value}`],
    [`-${long}`, value],
    [`-${long}=${value}`],
    // Long names are looked for from the end: a word of one letter is a short name with its value.
    ...(long.length > 1 ? [[`-${long}${value}`]] : []),
  ];
  const ofShort = [
    [`-${short}`, value],
    [`-${short}=${value}`],
    // A short name of two letters is looked for in whole words only.
    ...(short?.length === 1 ? [[`-${short}${value}`]] : []),
  ];
  return short === undefined ? ofLong : [...ofShort, ...ofLong];
}

describe('of every command', () => {
  it('every option takes its value in every spelling, negative numbers too', () => {
    let count = 0;
    const wrong: unknown[] = [];
    for (const { name, all, entries } of commands) {
      for (const entry of entries.filter(([, spec]) => takesValue(spec))) {
        for (const value of ['X7', '-1', '-1.5']) {
          for (const argv of spellings(entry, value)) {
            const values = read(all, argv);
            if (!isDeepStrictEqual(values, { [entry[0]]: value })) wrong.push({ name, argv, values });
            count++;
          }
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(5000);
  });

  it('every flag is one in every spelling', () => {
    for (const { name, all, entries } of commands) {
      for (const [key, spec] of entries.filter(([, option]) => !takesValue(option))) {
        const long = longName(key, spec).trim();
        for (const word of [`--${long}`, `-${long}`, ...(spec.short === undefined ? [] : [`-${spec.short}`])]) {
          expect({ name, word, values: read(all, [word]) }).toEqual({ name, word, values: { [key]: 'true' } });
        }
      }
    }
  });

  it('every beginning of a name means what it means without ours, or is as ambiguous', () => {
    const wrong: unknown[] = [];
    for (const { name, all, apache, entries } of commands) {
      for (const [key, spec] of entries) {
        const long = longName(key, spec).trim();
        for (let length = 1; length <= long.length; length++) {
          for (const word of [`--${long.slice(0, length)}`, `-${long.slice(0, length)}`]) {
            const argv = [word, 'X'];
            const [ours, theirs] = [read(all, argv), read(apache, argv)];
            if (!isDeepStrictEqual(ours, theirs)) wrong.push({ name, argv, ours, theirs });
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('an option of ours is meant by its full name alone', () => {
    const meant: unknown[] = [];
    for (const { name, all, apache } of commands) {
      for (const [key, spec] of Object.entries(all).filter(([, option]) => option.own === true)) {
        const long = longName(key, spec);
        const value = takesValue(spec) ? 'X' : 'true';
        const argv = takesValue(spec) ? [`--${long}`, 'X'] : [`--${long}`];
        const claimed = Object.entries(apache).some(([other, option]) => longName(other, option).startsWith(long));
        if (!claimed) {
          expect({ name, argv, values: read(all, argv) }).toEqual({ name, argv, values: { [key]: value } });
        }
        for (let length = 1; length < long.length; length++) {
          const values = read(all, [`--${long.slice(0, length)}`, 'X']);
          if (typeof values === 'object' && key in values) meant.push({ name, key, length });
        }
      }
    }
    expect(meant).toEqual([]);
  });

  it.each([
    ['brokerConsumeStats', ['--timeout', '9000'], 'timeoutMillis'],
    ['rocksDBConfigToJson', ['--json', 'true'], 'jsonEnable'],
    ['resetOffsetByTime', ['--time', '0'], 'timestamp'],
  ])('%s %j is Apache’s %s', (name, argv, key) => {
    const command = commands.find((each) => each.name === name);
    expect(read(command?.all ?? {}, argv)).toEqual({ [key]: argv[1] });
  });

  it('no short name of ours is one of Apache’s', () => {
    for (const { name, all, apache } of commands) {
      const theirs = Object.values(apache).flatMap(({ short }) => (short === undefined ? [] : [short]));
      const own = Object.values(all).flatMap(({ short, own: isOwn }) => (isOwn === true && short !== undefined ? [short] : []));
      expect({ name, both: own.filter((short) => theirs.includes(short)) }).toEqual({ name, both: [] });
    }
  });

  it('whatever command line Apache’s parser takes, ours reads the same in it', () => {
    const seed = Number(process.env.MQKIT_SEED ?? 1);
    const word = fc.oneof(fc.constantFrom('X', '-1', 'a=b', '"q"', '-2.5', '127.0.0.1:9876'), fc.stringMatching(/^[a-z0-9]{1,5}$/));
    const line = fc.nat(commands.length - 1).chain((index) => {
      const command = commands[index] as Tables;
      const option = fc.nat(command.entries.length - 1).chain((at) => {
        const entry = command.entries[at] as Entry;
        const long = longName(entry[0], entry[1]).trim();
        const name = fc.nat(long.length - 1).map((length) => long.slice(0, length + 1));
        return fc.oneof(
          word.chain((value) => fc.constantFrom(...spellings(entry, value))),
          fc.tuple(name, word).map(([text, value]) => [`--${text}`, value]),
          fc.tuple(name, word).map(([text, value]) => [`-${text}=${value}`]),
          name.map((text) => [`-${text}`]),
        );
      });
      return fc.tuple(fc.constant(command), fc.array(fc.oneof({ weight: 5, arbitrary: option }, fc.tuple(word)), { maxLength: 4 }));
    });
    fc.assert(
      fc.property(line, ([{ all, apache }, words]) => {
        const argv = words.flat();
        const theirs = read(apache, argv);
        // What is a fault there may be one of ours in full.
        fc.pre(typeof theirs === 'object');
        expect(read(all, argv)).toEqual(theirs);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
