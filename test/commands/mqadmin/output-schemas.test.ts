/* The schemas themselves. That what commands print is as they say is checked wherever a test runs a command with --json. */
import { describe, expect, it } from 'vitest';
import { type Schema, schemaOf, validatorOf } from './output-schemas.js';
import { commandNames, runCommand, specOf } from './run-command.js';

const WITHOUT_JSON = ['completion'];

/** Places in a schema that would let anything pass, or an object with anything in it. */
function weakPlaces(schema: unknown, path = ''): string[] {
  if (Array.isArray(schema)) {
    return schema.flatMap((item, i) => weakPlaces(item, `${path}/${i}`));
  }
  if (typeof schema !== 'object' || schema === null) {
    return [];
  }
  const its = schema as Schema;
  const isEmpty = Object.keys(its).length === 0;
  const isOpen = its.type === 'object' && (its.additionalProperties === undefined || its.additionalProperties === true);
  const inner = Object.entries(its)
    .filter(([key]) => key !== 'const' && key !== 'enum' && key !== 'required')
    .flatMap(([key, value]) => weakPlaces(value, `${path}/${key}`));
  return [...(isEmpty || isOpen ? [path] : []), ...inner];
}

it('every command with --json has a schema', async () => {
  const without: string[] = [];
  for (const name of commandNames) {
    const { options } = await specOf(name);
    if (options.outputSchema === undefined) {
      without.push(name);
    }
  }
  expect(without).toEqual(WITHOUT_JSON);
});

describe.each(commandNames.filter((name) => !WITHOUT_JSON.includes(name)))('%s', (name) => {
  it('prints a schema of draft 2020-12 that says what each value is, without asking any node', async () => {
    const { stdout, stderr, exitCode } = await runCommand(name, ['--output-schema']);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(JSON.parse(stdout)).toEqual(schemaOf(name));
    expect(JSON.parse(stdout)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: `mqadmin ${name} --json` });
    expect(() => validatorOf(name)).not.toThrow();
    expect(weakPlaces(schemaOf(name))).toEqual([]);
  });
});
