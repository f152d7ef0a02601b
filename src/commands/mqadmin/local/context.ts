import { type Context, type ContextFile, contextsPath, readContexts, requireContext, writeContexts } from '../../../cli/contexts.js';
import { type CommonOption, type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { UsageError } from '../../../common/errors.js';
import { type CommandContext, MqCommand } from '../../base.js';

const options = defineOptions({
  readOnly: { kind: 'flag', own: true, long: 'read-only', text: 'With add: refuse every request that would change something' },
  map: {
    kind: 'texts',
    own: true,
    text: 'With add: ADVERTISED=REACHED, an address that is reached elsewhere from here (containers, tunnels); several times',
  },
});

type Values = OptionValues<typeof options> & CommonValues;

/** A context as it is shown: secrets are not. */
interface ShownContext {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly namesrvAddr: string;
  readonly readOnly: boolean;
  readonly accessKey: string | null;
  readonly addresses: Readonly<Record<string, string>>;
}

interface Result {
  readonly contexts: readonly ShownContext[];
  /** What was done, for the reader; null when it was only asked. */
  readonly done: string | null;
  readonly file: string;
}

const VERBS = 'add NAME, use NAME, list, show [NAME], rm NAME, or - for the one before';
const NAME_PATTERN = /^[\w][\w.-]{0,63}$/;

/** Clusters under names, so that commands need no addresses. */
export default class ContextCommand extends MqCommand<typeof options, Result> {
  static override summary = 'Keep clusters under names: name servers, keys, read-only marks, addresses of containers';
  static override description = [
    `mqadmin context ${VERBS}.`,
    'Commands without -n and NAMESRV_ADDR run in the current context; --context, or MQADMIN_CONTEXT, names another one for one command. Options win over',
    'the environment, that over the context, and the keys of a context over those of tools.yml. Kept in mqkit/contexts.json of $XDG_CONFIG_HOME (~/.config), or in the',
    'file that MQKIT_CONTEXTS names, readable by its owner only.',
  ].join('\n');
  static override examples = [
    'mqadmin context add local -n 127.0.0.1:9876',
    'mqadmin context add prod -n "10.0.0.1:9876;10.0.0.2:9876" --read-only',
    'mqadmin context add docker -n 127.0.0.1:9876 --map 172.17.0.3:10911=127.0.0.1:10911',
    'mqadmin context use local',
    'mqadmin context list',
    'mqadmin context rm docker',
  ];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = [
    'namesrvAddr',
    'accessKey',
    'secretKey',
    'securityToken',
    'output',
    'json',
    'debug',
  ];
  static override extraWords = 'keep' as const;
  static override words = { add: null, use: 'contexts', list: 'contexts', show: 'contexts', rm: 'contexts', '-': null } as const;

  protected override async execute(values: Values, { io: { env }, words }: CommandContext): Promise<Result> {
    const [verb = 'list', name, ...rest] = words;
    if (rest.length > 0) {
      throw new UsageError(`context ${verb}: "${rest.join(' ')}" is one word too many`);
    }
    const file = readContexts(env);
    const change = (changed: ContextFile, done: string): Result => {
      writeContexts(env, changed);
      return { contexts: shownOf(changed), done, file: contextsPath(env) };
    };
    switch (verb) {
      case 'list':
      case 'show': {
        const wanted = name ?? (verb === 'show' ? (file.current ?? undefined) : undefined);
        if (verb === 'show' && wanted === undefined) {
          throw new UsageError('no context is in use', { hint: 'mqadmin context use NAME' });
        }
        if (wanted !== undefined) {
          requireContext(file, wanted);
        }
        const contexts = shownOf(file).filter((context) => wanted === undefined || context.name === wanted);
        return { contexts, done: null, file: contextsPath(env) };
      }
      case 'add':
        return change(added(file, nameOf(verb, name), await contextOf(values, env)), `context ${name} is kept`);
      case 'use':
        return change(used(file, nameOf(verb, name)), `context ${name} is in use`);
      case '-':
        if (file.previous === null) {
          throw new UsageError('there is no context before this one', { hint: 'mqadmin context use NAME' });
        }
        return change(used(file, file.previous), `context ${file.previous} is in use`);
      case 'rm':
        return change(removed(file, nameOf(verb, name)), `context ${name} is removed`);
      default:
        throw new UsageError(`context ${verb}: expected ${VERBS}`);
    }
  }

  protected override render({ contexts, done }: Result, out: Output): void {
    if (done !== null) {
      out.line(done);
      return;
    }
    if (contexts.length === 0) {
      out.line('no contexts; add one: mqadmin context add NAME -n host:9876');
    }
    for (const { name, isCurrent, namesrvAddr, readOnly, accessKey, addresses } of contexts) {
      const marks = [readOnly ? 'read-only' : '', accessKey === null ? '' : `signs as ${accessKey}`].filter((mark) => mark !== '');
      out.line(`${isCurrent ? '*' : ' '} ${name.padEnd(16)} ${namesrvAddr}${marks.length === 0 ? '' : `  (${marks.join(', ')})`}`);
      for (const [advertised, reached] of Object.entries(addresses)) {
        out.line(`    ${advertised} is reached at ${reached}`);
      }
    }
  }
}

function nameOf(verb: string, name: string | undefined): string {
  if (name === undefined || !NAME_PATTERN.test(name)) {
    throw new UsageError(
      name === undefined ? `context ${verb} needs a name` : `${name}: a context's name has letters, digits, ".", "_" and "-"`,
    );
  }
  return name;
}

/** Keys of the environment are not written down. */
async function contextOf({ namesrvAddr, readOnly, map, ...keys }: Values, env: NodeJS.ProcessEnv): Promise<Context> {
  if (namesrvAddr === undefined) {
    throw new UsageError('context add needs the name servers', { hint: 'give them with -n host:9876' });
  }
  const { parseNamesrvAddr } = await import('../../../client/namesrv-client.js');
  if (parseNamesrvAddr(namesrvAddr).length === 0) {
    throw new UsageError(`-n ${namesrvAddr}: there is no address in it`, { hint: 'give the name servers with -n host:9876' });
  }
  const own = (value: string | undefined, variable: string): string | undefined => (value === env[variable] ? undefined : value);
  const accessKey = own(keys.accessKey, 'ROCKETMQ_ACCESS_KEY');
  const secretKey = own(keys.secretKey, 'ROCKETMQ_SECRET_KEY');
  const securityToken = own(keys.securityToken, 'ROCKETMQ_SECURITY_TOKEN');
  if ((accessKey === undefined) !== (secretKey === undefined)) {
    throw new UsageError('--accessKey and --secretKey belong together');
  }
  const addresses = Object.fromEntries(map.map(addressPair));
  return {
    namesrvAddr,
    ...(accessKey === undefined || secretKey === undefined ? {} : { accessKey, secretKey }),
    ...(securityToken === undefined ? {} : { securityToken }),
    ...(readOnly ? { readOnly } : {}),
    ...(map.length === 0 ? {} : { addresses }),
  };
}

function addressPair(text: string): [string, string] {
  const [advertised, reached, ...more] = text.split('=').map((address) => address.trim());
  const isAddress = (address: string | undefined): address is string => address !== undefined && /^\S+:\d{1,5}$/.test(address);
  if (!isAddress(advertised) || !isAddress(reached) || more.length > 0) {
    throw new UsageError(`--map ${text}: expected two addresses, eg: 172.17.0.3:10911=127.0.0.1:10911`);
  }
  return [advertised, reached];
}

/** The first one is in use at once. */
function added(file: ContextFile, name: string, context: Context): ContextFile {
  return { ...file, current: file.current ?? name, contexts: { ...file.contexts, [name]: context } };
}

function used(file: ContextFile, name: string): ContextFile {
  requireContext(file, name);
  return name === file.current ? file : { ...file, current: name, previous: file.current };
}

function removed(file: ContextFile, name: string): ContextFile {
  requireContext(file, name);
  const { [name]: _, ...contexts } = file.contexts;
  return { current: file.current === name ? null : file.current, previous: file.previous === name ? null : file.previous, contexts };
}

function shownOf({ contexts, current }: ContextFile): ShownContext[] {
  return Object.entries(contexts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { namesrvAddr, readOnly = false, accessKey = null, addresses = {} }]) => {
      return { name, isCurrent: name === current, namesrvAddr, readOnly, accessKey, addresses };
    });
}
