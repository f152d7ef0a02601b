import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import ts from 'typescript';

export const ROOT = resolve(import.meta.dirname, '../..');

/** A source file with its syntax tree, which is made when it is first asked for. */
export interface Source {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** All TypeScript files below these folders but declarations and micro-benchmarks. */
export function sourcesOf(...folders: string[]): Source[] {
  return folders.flatMap((folder) => {
    const top = join(ROOT, folder);
    if (!existsSync(top)) {
      return [];
    }
    return (readdirSync(top, { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts') && !/\.(d|bench)\.ts$/.test(name))
      .sort()
      .map((name) => readSource(join(top, name)));
  });
}

function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8');
  let tree: ts.SourceFile | undefined;
  return {
    path: toPath(file),
    text,
    get tree() {
      tree ??= ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, false);
      return tree;
    },
  };
}

function toPath(file: string): string {
  return relative(ROOT, file).split(sep).join('/');
}

/** One import or re-export. */
export interface Import {
  /** Path from the root for files of the project, else the module's name. */
  readonly target: string;
  readonly typeOnly: boolean;
  /** `import()`: loaded when it is reached. */
  readonly dynamic: boolean;
}

export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, options: { typeOnly: boolean; dynamic: boolean }): void => {
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      found.push({ target: targetOf(source, specifier.text), ...options });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: isTypeOnlyImport(node), dynamic: false });
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, { typeOnly: node.isTypeOnly, dynamic: false });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], { typeOnly: false, dynamic: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return found;
}

function isTypeOnlyImport(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) {
    return false;
  }
  const named = clause.namedBindings;
  const allTypes = named !== undefined && ts.isNamedImports(named) && named.elements.every((element) => element.isTypeOnly);
  return clause.isTypeOnly || (clause.name === undefined && allTypes && (named as ts.NamedImports).elements.length > 0);
}

function targetOf(source: Source, specifier: string): string {
  return specifier.startsWith('.') ? toPath(resolve(dirname(join(ROOT, source.path)), specifier.replace(/\.js$/, '.ts'))) : specifier;
}

/** 1-based line of a node. */
export function lineOf(source: Source, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}
