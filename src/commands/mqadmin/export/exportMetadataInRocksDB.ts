import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import { UsageError } from '../../../common/errors.js';
import { stringifyFastjson } from '../../../common/fastjson.js';
import { MqCommand } from '../../base.js';
import type { LocalConfig } from '../local-config.js';

const options = defineOptions({
  path: { short: 'p', required: true, text: 'Absolute path for the metadata directory' },
  configType: { short: 't', required: true, text: 'Name of kv config, e.g. topics/subscriptionGroups' },
  jsonEnable: { short: 'j', kind: 'boolean', default: false, text: 'Json format enable, Default: false' },
});

type Values = OptionValues<typeof options>;

/** Prints a table of a broker's configuration folder. */
export default class ExportMetadataInRocksDB extends MqCommand<typeof options, LocalConfig> {
  static override summary = 'export RocksDB kv config (topics/subscriptionGroups). Recommend to use [mqadmin rocksDBConfigToJson]';
  static override description = [
    'Reads the JSON file that a broker keeps in its folder store/config, or writes there when rocksDBConfigToJson tells it to. The files of RocksDB',
    'itself are not read.',
  ].join('\n');
  static override examples = [
    'mqadmin exportMetadataInRocksDB -p /var/tmp/config -t topics',
    'mqadmin exportMetadataInRocksDB -p /var/tmp/config -t topics -j true',
  ];
  static override options = options;

  protected override async execute(values: Values): Promise<LocalConfig> {
    const [{ rocksDbConfigTypes }, { readLocalConfig }] = await Promise.all([
      import('../../../client/admin/rocksdb.js'),
      import('../local-config.js'),
    ]);
    const [type] = rocksDbConfigTypes(values.configType);
    if (type === undefined || type === 'consumerOffsets') {
      throw new UsageError(`Invalid config type=${values.configType}, Options: topics,subscriptionGroups`);
    }
    return readLocalConfig(values.path, type);
  }

  protected override render({ content, table }: LocalConfig, out: Output, values: Values): void {
    if (values.jsonEnable) {
      const { dataVersion: _, ...rest } = content;
      out.line(stringifyFastjson(rest, { pretty: true }));
      return;
    }
    Object.entries(table).forEach(([key, value], i) => {
      out.line(`${i + 1}, Key: ${key}, Value: ${stringifyFastjson(value)}`);
    });
  }
}
