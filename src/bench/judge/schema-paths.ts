import { UsageError } from '../../common/errors.js';
import schema from '../mqbench-1.schema.json' with { type: 'json' };
import type { Assertion } from './assertion.js';
import { nearPaths } from './paths.js';

/** As much of JSON Schema as paths need. */
interface SchemaNode {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
}

const root: SchemaNode = schema as SchemaNode;
const definitions = Object.entries((schema as { $defs: Readonly<Record<string, SchemaNode>> }).$defs);
const isNumber = (type: SchemaNode['type']): boolean => [type].flat().some((one) => one === 'number' || one === 'integer');

/**
 * Refuses an assertion about a number that no result can have, before a run is made for nothing. Kinds may have parts of their own at the
 * top, so an unknown first name is refused only where it is known as one further down: `rate` for `send.rate`.
 */
export function checkPath({ expression, path }: Assertion): void {
  const [first = '', ...rest] = path;
  const top = root.properties?.[first];
  const isPossible = top === undefined ? !isKnownBelow(first) : leadsToNumber(top, rest);
  if (!isPossible) {
    const near = nearPaths(path.join('.'), pathsOf(root, ''));
    throw new UsageError(`--assert "${expression}": no result has a number ${path.join('.')}`, {
      hint: near.length === 0 ? 'mqbench … --json shows what there is' : `did you mean ${near.join(' or ')}?`,
    });
  }
}

/** Whether names lead on from a node to a number; what the schema leaves open may hold anything. */
function leadsToNumber(node: SchemaNode, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  const { type, properties, additionalProperties, items } = whole(node);
  if (name === undefined) {
    return type === undefined || isNumber(type);
  }
  if (type === 'array') {
    return (name === '*' || /^\d+$/.test(name)) && (items === undefined || leadsToNumber(items, rest));
  }
  if (type !== 'object') {
    return type === undefined;
  }
  const children = name === '*' ? Object.values(properties ?? {}) : [properties?.[name] ?? additionalProperties];
  const isOpen = properties === undefined && additionalProperties === undefined;
  return isOpen || children.some((child) => child !== undefined && leadsToNumber(child, rest));
}

/** A node with what it refers to. */
function whole(node: SchemaNode): SchemaNode {
  const referred = definitions.find(([name]) => node.$ref === `#/$defs/${name}`)?.[1];
  if (referred === undefined) {
    return node;
  }
  const base = whole(referred);
  return { ...base, ...node, properties: { ...base.properties, ...node.properties } };
}

function isKnownBelow(name: string): boolean {
  return definitions.some(([, definition]) => definition.properties !== undefined && name in definition.properties);
}

/** Every number that the schema names, outside of arrays. */
function pathsOf(node: SchemaNode, prefix: string): string[] {
  const { type, properties = {} } = whole(node);
  return isNumber(type)
    ? [prefix]
    : Object.entries(properties).flatMap(([name, child]) => pathsOf(child, prefix === '' ? name : `${prefix}.${name}`));
}
