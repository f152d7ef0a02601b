/**
 * JSON Schemas (2020-12) of what the commands print with `--json`, made from their result types: the second type argument of a command's
 * class is what `execute` answers, and that is what is printed. Comments of types and fields become descriptions.
 *
 * `node src/cli/generate-schemas.js <folder> <id>=<file> …` writes `<folder>/<id>.json`. What cannot be described is named on stderr, and is `{}` in the schema.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
/** Numbers with such names are whole by what they are: ids, positions, counts, and moments in ms. */
const WHOLE = /(?:Id|Offset|Timestamp|Count|Nums|Port|perm|version|exitCode)$/;

/** Makes the schema of one command; named types become definitions of it. */
class SchemaMaker {
  #checker;
  #place;
  #definitions = new Map();
  #names = new Map();
  problems = [];

  constructor(checker, place) {
    this.#checker = checker;
    this.#place = place;
  }

  document(type, title) {
    const root = this.#schema(type, { path: title, inline: true });
    const definitions = Object.fromEntries([...this.#definitions].sort(([a], [b]) => (a < b ? -1 : 1)));
    return { $schema: DIALECT, title, ...root, ...(this.#definitions.size === 0 ? {} : { $defs: definitions }) };
  }

  /** @param {{ path: string, name?: string, inline?: boolean }} at where the type stands, for messages; the field's name */
  #schema(type, at) {
    if (type.isUnion()) {
      return this.#union(type, at);
    }
    const { flags } = type;
    if (flags & ts.TypeFlags.StringLiteral || flags & ts.TypeFlags.NumberLiteral) {
      return { const: type.value };
    }
    if (flags & ts.TypeFlags.BooleanLiteral) {
      return { const: this.#checker.typeToString(type) === 'true' };
    }
    if (flags & ts.TypeFlags.StringLike) {
      return { type: 'string' };
    }
    if (flags & ts.TypeFlags.NumberLike) {
      return { type: at.name !== undefined && WHOLE.test(at.name) ? 'integer' : 'number' };
    }
    if (flags & ts.TypeFlags.BigIntLike) {
      return { type: 'integer' };
    }
    if (flags & ts.TypeFlags.BooleanLike) {
      return { type: 'boolean' };
    }
    if (flags & ts.TypeFlags.Null) {
      return { type: 'null' };
    }
    if (flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) {
      return this.#object(type, at);
    }
    return this.#problem(`${at.path}: ${this.#checker.typeToString(type)} cannot be described`);
  }

  #problem(text) {
    this.problems.push(text);
    return {};
  }

  #union(type, at) {
    const name = this.#nameOf(type);
    if (name !== undefined && at.inline !== true && this.#mayRecur(type)) {
      return this.#defined(type, name, (inner) => this.#members(type, inner), at);
    }
    return this.#members(type, at);
  }

  #members(type, at) {
    const members = type.types.filter((member) => !(member.flags & ts.TypeFlags.Undefined));
    const inner = { ...at, inline: false };
    const literals = members.filter((member) => member.isStringLiteral() || member.isNumberLiteral());
    const others = members.filter((member) => !literals.includes(member));
    const booleans = others.filter((member) => member.flags & ts.TypeFlags.BooleanLiteral);
    const rest = booleans.length === 2 ? others.filter((member) => !booleans.includes(member)) : others;
    const schemas = [
      ...(literals.length === 0
        ? []
        : [literals.length === 1 ? { const: literals[0].value } : { enum: literals.map(({ value }) => value).sort() }]),
      ...(booleans.length === 2 ? [{ type: 'boolean' }] : []),
      ...rest.map((member) => this.#schema(member, inner)),
    ];
    const distinct = [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
    if (distinct.length === 1) {
      return distinct[0];
    }
    // `string | null` as one list of types.
    return distinct.every((schema) => Object.keys(schema).length === 1 && typeof schema.type === 'string')
      ? { type: [...new Set(distinct.map((schema) => schema.type))] }
      : { anyOf: distinct };
  }

  #object(type, at) {
    const symbol = type.getSymbol()?.getName() ?? '';
    if (symbol === 'Buffer' || symbol === 'Uint8Array') {
      return { type: 'string', contentEncoding: 'base64' };
    }
    if (this.#checker.isTupleType(type)) {
      const items = this.#checker.getTypeArguments(type).map((item, i) => this.#schema(item, { path: `${at.path}[${i}]` }));
      return { type: 'array', prefixItems: items, minItems: items.length, items: false };
    }
    if (this.#checker.isArrayType(type)) {
      return { type: 'array', items: this.#schema(this.#checker.getTypeArguments(type)[0], { path: `${at.path}[]` }) };
    }
    if (symbol === 'Map' || symbol === 'ReadonlyMap') {
      return { type: 'object', additionalProperties: this.#schema(this.#checker.getTypeArguments(type)[1], { path: `${at.path}{}` }) };
    }
    if (type.getCallSignatures().length > 0) {
      return this.#problem(`${at.path}: a function cannot be printed`);
    }
    const name = this.#nameOf(type);
    return name === undefined || at.inline === true
      ? this.#fields(type, at)
      : this.#defined(type, name, (inner) => this.#fields(type, inner), at);
  }

  #fields(type, at) {
    const properties = {};
    const required = [];
    for (const property of this.#checker.getPropertiesOfType(type)) {
      const key = property.getName();
      const its = this.#checker.getTypeOfSymbolAtLocation(property, this.#place);
      const schema = this.#schema(its, { path: `${at.path}.${key}`, name: key });
      const description = ts.displayPartsToString(property.getDocumentationComment(this.#checker)).trim();
      properties[key] = description === '' ? schema : { description: oneLine(description), ...schema };
      const mayMiss =
        (property.flags & ts.SymbolFlags.Optional) !== 0 ||
        (its.isUnion() && its.types.some(({ flags }) => flags & ts.TypeFlags.Undefined));
      if (!mayMiss) {
        required.push(key);
      }
    }
    const index = this.#checker.getIndexInfoOfType(type, ts.IndexKind.String);
    const others = index === undefined ? false : this.#others(index.type, at);
    const description = oneLine(
      ts.displayPartsToString(
        type.aliasSymbol?.getDocumentationComment(this.#checker) ?? type.getSymbol()?.getDocumentationComment(this.#checker) ?? [],
      ),
    );
    return {
      ...(description === '' ? {} : { description }),
      type: 'object',
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: others,
    };
  }

  /** What stands under names that the type does not know: of an unknown kind, too. */
  #others(type, at) {
    if ((type.flags & ts.TypeFlags.Unknown) === 0) {
      return this.#schema(type, { path: `${at.path}{}` });
    }
    const ref = { $ref: '#/$defs/Anything' };
    this.#definitions.set('Anything', {
      description: 'Any value of JSON.',
      anyOf: [
        { type: ['string', 'number', 'boolean', 'null'] },
        { type: 'array', items: ref },
        { type: 'object', additionalProperties: ref },
      ],
    });
    return ref;
  }

  #defined(type, name, make, at) {
    let key = this.#names.get(type);
    if (key === undefined) {
      key = name;
      for (let i = 2; [...this.#names.values()].includes(key); i++) {
        key = `${name}${i}`;
      }
      this.#names.set(type, key);
      this.#definitions.set(key, {});
      this.#definitions.set(key, make({ path: at.path, inline: true }));
    }
    return { $ref: `#/$defs/${key}` };
  }

  #nameOf(type) {
    const name = type.aliasSymbol?.getName() ?? type.getSymbol()?.getName();
    return name === undefined || /^__|^Omit$|^Pick$|^Readonly$|^Record$|^Partial$|^Required$/.test(name) ? undefined : name;
  }

  /** Whether it may contain itself: only through a name, which a union of plain values does not need. */
  #mayRecur(type) {
    return type.types.some(({ flags }) => (flags & ts.TypeFlags.Object) !== 0);
  }
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').trim();
}

/** What a command's `execute` answers, without the promise. */
function resultType(checker, file) {
  const [symbol] = checker.getExportsOfModule(checker.getSymbolAtLocation(file)).filter((entry) => entry.getName() === 'default');
  const command = checker.getDeclaredTypeOfSymbol(symbol);
  const execute = checker.getTypeOfSymbolAtLocation(checker.getPropertyOfType(command, 'execute'), file);
  const [answer] = execute.getCallSignatures();
  return checker.getAwaitedType(checker.getReturnTypeOfSignature(answer));
}

function main([folder, ...words]) {
  const commands = words.map((word) => ({
    id: word.slice(0, word.indexOf('=')),
    file: path.resolve(ROOT, word.slice(word.indexOf('=') + 1)),
  }));
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  const program = ts.createProgram(
    commands.map(({ file }) => file),
    { ...options, noEmit: true, skipLibCheck: true },
  );
  const checker = program.getTypeChecker();
  fs.mkdirSync(folder, { recursive: true });
  for (const { id, file } of commands) {
    const source = program.getSourceFile(file);
    const maker = new SchemaMaker(checker, source);
    try {
      const schema = maker.document(resultType(checker, source), `mqadmin ${id} --json`);
      fs.writeFileSync(path.join(folder, `${id}.json`), `${JSON.stringify(schema)}\n`);
    } catch (error) {
      maker.problems.push(`mqadmin ${id}: ${String(error)}`);
    }
    for (const problem of maker.problems) {
      process.stderr.write(`schema of ${problem}\n`);
    }
  }
}

main(process.argv.slice(2));
