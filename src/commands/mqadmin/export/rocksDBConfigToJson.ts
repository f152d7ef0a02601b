import { type CommonValues, defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { RocksDbExportResult } from '../../../client/admin/rocksdb.js';
import { ConfigError, UsageError } from '../../../common/errors.js';
import { stringifyFastjson } from '../../../common/fastjson.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import type { LocalConfig } from '../local-config.js';

const options = defineOptions({
  configType: {
    short: 't',
    text: 'Name of kv config, e.g. topics/subscriptionGroups/consumerOffsets. Required in local mode and default all in rpc mode.',
  },
  configPath: { short: 'p', text: '[local mode] Absolute path to the metadata config directory' },
  exportFile: { short: 'e', text: '[local mode] Absolute file path for exporting, auto backup existing file, not directory.' },
  jsonEnable: { short: 'j', kind: 'boolean', default: true, text: '[local mode] Json format enable, Default: true.' },
  nameserverAddr: { short: 'n', text: '[rpc mode] nameserverAddr, with -c' },
  cluster: { short: 'c', text: '[rpc mode] Cluster name' },
  brokerAddr: { short: 'b', text: '[rpc mode] Broker address' },
});

type Values = OptionValues<typeof options>;
type Result =
  | ({ readonly mode: 'rpc' } & RocksDbExportResult)
  | ({ readonly mode: 'local'; readonly exportFile: string | null } & LocalConfig);

/** Turns the tables that a broker keeps in RocksDB into JSON. */
export default class RocksDBConfigToJson extends AdminCommand<typeof options, Result> {
  static override summary =
    'Convert RocksDB kv config (topics/subscriptionGroups/consumerOffsets) to json. [rpc mode] Use [-n, -c, -b, -t] to send Request to broker ( version >= 5.3.2 ) or [local mode] use [-p, -t, -j, -e] to load RocksDB. If -e is provided, tools will export json file instead of std print';
  static override description = [
    'In rpc mode brokers write the JSON files into their own configuration folders. Local mode reads such files; those of RocksDB itself are not',
    'read. The bundled broker keeps its tables in these files anyway.',
  ].join('\n');
  static override examples = [
    'mqadmin rocksDBConfigToJson -b 127.0.0.1:10911',
    'mqadmin rocksDBConfigToJson -n 127.0.0.1:9876 -c DefaultCluster -t topics --output json',
    'mqadmin rocksDBConfigToJson -p /var/tmp/config -t topics',
  ];
  static override options = options;

  protected override execute(values: Values & CommonValues, context: CommandContext): Promise<Result> {
    return super.execute({ ...values, namesrvAddr: values.nameserverAddr ?? values.namesrvAddr }, context);
  }

  protected override async ask(admin: AdminClient, values: Values): Promise<Result> {
    const { exportRocksDbConfig, rocksDbConfigTypes } = await import('../../../client/admin/rocksdb.js');
    const types = rocksDbConfigTypes(values.configType);
    const { cluster, brokerAddr, configPath } = values;
    if (values.nameserverAddr !== undefined && cluster === undefined) {
      throw new UsageError('rpc mode Invalid args, please input cluster');
    }
    if (cluster !== undefined || brokerAddr !== undefined) {
      const target = cluster === undefined ? { brokerAddr } : { clusterName: cluster };
      return { mode: 'rpc', ...(await exportRocksDbConfig(admin, target, types)) };
    }
    if (configPath === undefined) {
      throw new UsageError('Missing required option: [-c cluster, -b brokerAddr, -p configPath]');
    }
    const [type] = types;
    if (values.configType === undefined || type === undefined) {
      throw new UsageError('local mode Invalid args, please input configType');
    }
    const { readLocalConfig } = await import('../local-config.js');
    const config = await readLocalConfig(configPath, type);
    if (values.exportFile !== undefined) {
      await writeWithBackup(values.exportFile, stringifyFastjson(config.content, { pretty: true }));
    }
    return { mode: 'local', exportFile: values.exportFile ?? null, ...config };
  }

  protected override render(result: Result, out: Output, values: Values): void {
    if (result.mode === 'rpc') {
      out.line(`Use [rpc mode] call ${values.cluster === undefined ? 'broker' : 'all brokers in cluster'} to export to json file `);
      for (const { addr, brokerName, outcome } of result.brokers) {
        if (outcome !== 'done') {
          out.line(`${brokerName ?? addr} export error`);
        }
      }
      out.line('broker export done.');
      return;
    }
    out.line('Use [local mode] load rocksdb to print or export file ');
    if (result.exportFile !== null) {
      out.note(`${result.configType} written to ${result.exportFile}`);
    } else if (values.jsonEnable) {
      out.line(stringifyFastjson(result.content, { pretty: true }));
    } else {
      Object.entries(result.table).forEach(([key, value], i) => {
        out.line(`${i + 1}, Key: ${key}, Value: ${stringifyFastjson(value)}`);
      });
    }
  }
}

/** A file that is there is kept under its name with `.bak` behind it. */
async function writeWithBackup(path: string, text: string): Promise<void> {
  const { mkdir, rename, writeFile } = await import('node:fs/promises');
  const { dirname } = await import('node:path');
  try {
    await mkdir(dirname(path), { recursive: true });
    await rename(path, `${path}.bak`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') {
        throw error;
      }
    });
    await writeFile(path, text);
  } catch (cause) {
    throw new ConfigError(`${path} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
      hint: 'name another file with -e, --exportFile',
      cause,
    });
  }
}
