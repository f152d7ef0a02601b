import { FIELDS, type FieldSpec, KINDS, type Kind, SECTIONS } from './kinds.js';
import { FORMAT_VERSION } from './parse.js';

type Schema = { readonly [key: string]: unknown };

/** JSON Schema of a file of definitions, for editors and for checks before it is applied. */
export function definitionsSchema(): Schema {
  const sections = KINDS.map((kind): [string, Schema] => [
    SECTIONS[kind].key,
    { description: SECTIONS[kind].text, ...orNull(sectionSchema(kind)) },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `mqadmin definitions ${FORMAT_VERSION}`,
    type: 'object',
    required: ['definitions'],
    additionalProperties: false,
    properties: {
      definitions: { const: FORMAT_VERSION, description: 'Version of the format' },
      cluster: { type: 'string', description: 'Name of the cluster it was written for' },
      ...Object.fromEntries(sections),
    },
  };
}

function orNull(schema: Schema): Schema {
  return schema.type === 'object' ? { ...schema, type: ['object', 'null'] } : schema;
}

function named(schema: Schema): Schema {
  return { type: 'object', additionalProperties: schema };
}

function sectionSchema(kind: Kind): Schema {
  const { value } = FIELDS[kind];
  switch (SECTIONS[kind].shape) {
    case 'value':
      return valueSchema(value as FieldSpec);
    case 'values':
      return named(valueSchema(value as FieldSpec));
    case 'nestedValues':
      return named(orNull(named(valueSchema(value as FieldSpec))));
    case 'nestedEntries':
      return named(orNull(named(entrySchema(kind))));
    default:
      return named(entrySchema(kind));
  }
}

function entrySchema(kind: Kind): Schema {
  const specs = Object.entries(FIELDS[kind]);
  const properties = Object.fromEntries(specs.map(([field, spec]) => [field, valueSchema(spec)]));
  const required = specs.filter(([, spec]) => spec.required === true).map(([field]) => field);
  const own: Schema = { type: ['object', 'null'], additionalProperties: false, properties };
  const brokers = {
    description: 'What is different on single brokers, by broker name',
    ...orNull(named(own)),
  };
  const onlyOn = { type: 'array', items: { type: 'string' }, description: 'The brokers that are to have it; all without it' };
  return {
    type: required.length === 0 ? ['object', 'null'] : 'object',
    additionalProperties: false,
    ...(required.length === 0 ? {} : { required }),
    properties: SECTIONS[kind].perBroker ? { ...properties, onlyOn, brokers } : properties,
  };
}

function valueSchema(spec: FieldSpec): Schema {
  const { default: fallback, text: description } = spec;
  const rest = { description, ...(fallback === undefined || fallback === '' ? {} : { default: fallback }) };
  const text = { type: ['string', 'number', 'boolean'] };
  switch (spec.type) {
    case 'int':
      return { type: 'integer', minimum: spec.min ?? 0, maximum: spec.max ?? Number.MAX_SAFE_INTEGER, ...rest };
    case 'boolean':
      return { type: 'boolean', ...rest };
    case 'words':
      return { enum: spec.words, ...rest };
    case 'texts':
      return { type: 'array', items: text, ...rest };
    case 'map':
      return { type: 'object', additionalProperties: text, ...rest };
    case 'object':
      return { type: 'object', ...rest };
    default:
      return { ...text, ...rest };
  }
}
