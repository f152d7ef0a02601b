/* Schemas of the commands' output as the build made them, and the check of what a command printed against its own. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SCHEMAS = join(ROOT, 'dist', 'apps', 'mqadmin', 'schemas');
/** Sources of the result types. */
const SOURCES = ['src/client/admin', 'src/commands/mqadmin', 'src/commands/nodes', 'src/remoting/bodies', 'src/common'];

export interface Schema {
  readonly [key: string]: unknown;
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true, allowUnionTypes: true });
const validators = new Map<string, ValidateFunction>();

export function schemaOf(name: string): Schema {
  return JSON.parse(readFileSync(join(SCHEMAS, `${name}.json`), 'utf8')) as Schema;
}

export function validatorOf(name: string): ValidateFunction {
  const known = validators.get(name) ?? ajv.compile(schemaOf(name));
  validators.set(name, known);
  return known;
}

/** Whether the schemas are of these sources: while a tree is worked on they may be of an older state. */
function areCurrent(): boolean {
  const stamp = join(SCHEMAS, 'sources.sha256');
  if (!existsSync(stamp)) {
    return false;
  }
  const madeMs = statSync(stamp).mtimeMs;
  return SOURCES.every((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }).every(
      (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs <= madeMs,
    ),
  );
}

const current = areCurrent();

/** Throws when a command that was asked for JSON printed something else than its schema says. */
export function checkOutput(name: string, argv: readonly string[], run: { readonly stdout: string; readonly exitCode: number }): void {
  const isWhole = argv.includes('--json') && !argv.includes('--watch') && !argv.includes('--rounds') && run.stdout !== '';
  if (!current || !isWhole || argv.includes('--output-schema')) {
    return;
  }
  const validate = validatorOf(name);
  for (const value of valuesIn(run.stdout)) {
    if (!validate(value)) {
      const faults = (validate.errors ?? [])
        .slice(0, 5)
        .map((fault) => `${fault.instancePath} ${fault.message} ${JSON.stringify(fault.params)}`);
      const shown = JSON.stringify(value).slice(0, 2000);
      throw new Error(`mqadmin ${name} ${argv.join(' ')}: the output is not as its schema says: ${faults.join('; ')}\n${shown}`);
    }
  }
}

/** One value, or one a line where a command prints what it reads while it reads. */
function valuesIn(stdout: string): unknown[] {
  try {
    return [JSON.parse(stdout)];
  } catch {
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  }
}
