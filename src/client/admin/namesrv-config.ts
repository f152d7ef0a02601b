import { NotFoundError, UsageError } from '../../common/errors.js';
import { parseProperties } from '../../common/properties-file.js';
import { suggest } from '../../common/suggest.js';
import { RequestCode } from '../../remoting/codes.js';
import { type AdminClient, bodyOf } from './admin-client.js';
import { askAll, type NodeOutcome, outcomes, planned, requireAll } from './fan-out.js';

export interface NamesrvConfigResult {
  /** By address; sorted names inside. */
  readonly namesrvs: readonly { readonly addr: string; readonly config: Readonly<Record<string, string>> }[];
}

/** The running configuration of every name server of the list. */
export async function getNamesrvConfig(admin: AdminClient): Promise<NamesrvConfigResult> {
  const results = await askAll(admin.namesrv.addresses, (addr) => readConfig(admin, addr));
  const namesrvs = results.flatMap(({ addr, value }) => (value === undefined ? [] : [{ addr, config: value }]));
  requireAll(results, 'getNamesrvConfig', { namesrvs });
  return { namesrvs };
}

async function readConfig(admin: AdminClient, addr: string): Promise<Record<string, string>> {
  const response = await admin.ask(addr, { code: RequestCode.GET_NAMESRV_CONFIG });
  // The body is UTF-8 although the format is the one of .properties files.
  const { entries } = parseProperties(bodyOf(response).toString('utf8'));
  return Object.fromEntries(
    Array.from(entries, ([key, entry]): [string, string] => [key, entry.value]).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export interface UpdateNamesrvConfigResult {
  readonly dryRun: boolean;
  readonly key: string;
  readonly value: string;
  readonly namesrvs: readonly NodeOutcome[];
  /** Name servers that took the request but still run with another value. */
  readonly notInEffect: readonly { readonly addr: string; readonly value: string | null }[];
  /** What name servers said of the change. */
  readonly remarks: readonly { readonly addr: string; readonly remark: string }[];
}

/** Changes one key on every name server of the list and reads it back. */
export async function updateNamesrvConfig(
  admin: AdminClient,
  request: { key: string; value: string; dryRun?: boolean; anyKey?: boolean },
): Promise<UpdateNamesrvConfigResult> {
  const { key, value, dryRun = false } = request;
  if (!/^[A-Za-z0-9_.-]+$/.test(key) || /[\r\n]/.test(value)) {
    throw new UsageError(`${JSON.stringify(key)}=${JSON.stringify(value)} is not a key and value of a configuration`);
  }
  const { namesrvs } = await getNamesrvConfig(admin);
  for (const { addr, config } of namesrvs) {
    if (request.anyKey !== true && !Object.hasOwn(config, key)) {
      const near = suggest(key, Object.keys(config));
      throw new NotFoundError(`configuration key ${key} is not known to ${addr}: nothing was changed`, {
        code: 'CONFIG_KEY_NOT_EXIST',
        hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : `see the keys: mqadmin getNamesrvConfig -n ${addr}`,
        context: { key, addr },
      });
    }
  }
  if (dryRun) {
    return { dryRun, key, value, namesrvs: planned(admin.namesrv.addresses), notInEffect: [], remarks: [] };
  }
  const body = Buffer.from(`${key}=${value}\n`, 'utf8');
  const results = await askAll(admin.namesrv.addresses, async (addr) => {
    const { remark } = await admin.ask(addr, { code: RequestCode.UPDATE_NAMESRV_CONFIG, body });
    return { remark, value: (await readConfig(admin, addr))[key] ?? null };
  });
  const done = results.flatMap(({ addr, value: answer }) => (answer === undefined ? [] : [{ addr, ...answer }]));
  const notInEffect = done.filter((entry) => entry.value !== value).map((entry) => ({ addr: entry.addr, value: entry.value }));
  const remarks = done.flatMap(({ addr, remark }) => (remark ? [{ addr, remark }] : []));
  const result = { dryRun, key, value, namesrvs: outcomes(results), notInEffect, remarks };
  requireAll(results, `updateNamesrvConfig ${key}=${value}`, result);
  return result;
}
