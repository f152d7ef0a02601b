import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, UsageError } from '../common/errors.js';

/** Keys that sign requests. */
export interface SigningKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
}

/**
 * The keys for signing: options (which the environment fills), else `$ROCKETMQ_HOME/conf/tools.yml`, as Apache's tool reads it.
 * Undefined when there are none: requests then go out unsigned.
 */
export async function signingKeys(
  options: { accessKey?: string | undefined; secretKey?: string | undefined; securityToken?: string | undefined },
  env: NodeJS.ProcessEnv,
): Promise<SigningKeys | undefined> {
  const { accessKey, secretKey, securityToken } = options;
  if (accessKey !== undefined || secretKey !== undefined) {
    if (accessKey === undefined || secretKey === undefined) {
      throw new UsageError(
        `${accessKey === undefined ? 'secretKey' : 'accessKey'} is given without ${accessKey === undefined ? 'accessKey' : 'secretKey'}`,
        {
          hint: 'give --accessKey and --secretKey, or ROCKETMQ_ACCESS_KEY and ROCKETMQ_SECRET_KEY',
        },
      );
    }
    return { accessKey, secretKey, ...(securityToken === undefined ? {} : { securityToken }) };
  }
  const home = env.ROCKETMQ_HOME;
  const file = home === undefined || home === '' ? '' : join(home, 'conf', 'tools.yml');
  return file !== '' && existsSync(file) ? readToolsFile(file) : undefined;
}

/** What is wrong with the file, without any word of it. */
function faultOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
  if (error instanceof Error && 'syscall' in error) {
    return text;
  }
  const [, what = text, position = ''] = /^(.*?)( at line \d+, column \d+)?:?$/.exec(text) ?? [];
  return `${what.replace(/[:\\].*/, '').trim()}${position}`;
}

const YAML_HINT = 'write two lines: accessKey: NAME and secretKey: SECRET';

async function readToolsFile(file: string): Promise<SigningKeys | undefined> {
  const { default: yaml } = await import('yaml');
  let content: unknown;
  try {
    // Warnings would show lines of the file.
    content = yaml.parse(readFileSync(file, 'utf8'), { logLevel: 'error' });
  } catch (error) {
    // Without the cause, whose text shows what is in the file, keys and all.
    throw new ConfigError(`${file} cannot be read: ${faultOf(error)}`, { hint: YAML_HINT });
  }
  if (content !== null && (typeof content !== 'object' || Array.isArray(content))) {
    throw new ConfigError(`${file} cannot be read: it has no keys with values`, { hint: YAML_HINT });
  }
  const fields = (content ?? {}) as Record<string, unknown>;
  const text = (key: string): string => (fields[key] === undefined || fields[key] === null ? '' : String(fields[key]).trim());
  const accessKey = text('accessKey');
  const secretKey = text('secretKey');
  if (accessKey === '' && secretKey === '') {
    return undefined;
  }
  if (accessKey === '' || secretKey === '') {
    throw new ConfigError(`${file} has ${accessKey === '' ? 'secretKey but no accessKey' : 'accessKey but no secretKey'}`);
  }
  const securityToken = text('securityToken');
  return { accessKey, secretKey, ...(securityToken === '' ? {} : { securityToken }) };
}
