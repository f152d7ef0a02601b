import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import { KINDS, SECTIONS } from '../../../client/admin/definitions/kinds.js';
import { ConfigError, UsageError } from '../../../common/errors.js';
import { writeFileWhole } from '../../../common/whole-file.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { DEFINITIONS_OPTIONS, noteMissingMasters, readKinds } from '../definitions-source.js';

const options = defineOptions({
  ...DEFINITIONS_OPTIONS,
  file: { short: 'f', own: true, text: 'File to write, over one that is there; standard output without it' },
  kvNamespace: { own: true, text: 'Namespaces of the name servers, with commas between them: they do not tell which they have' },
  secrets: { kind: 'flag', own: true, text: 'Passwords and secret keys as they are; ****** stands for them without it' },
  system: { kind: 'flag', own: true, text: 'Topics and groups of the system too, and retry and dead-letter topics' },
  schema: { kind: 'flag', own: true, text: 'Print the JSON Schema of the file, and ask no cluster' },
});

type Values = OptionValues<typeof options>;

/** What a file was given. */
interface ExportedFile {
  readonly file: string;
  readonly clusterName: string;
  readonly sections: Readonly<Record<string, number>>;
}

/** Writes what a cluster is configured to be as YAML. */
export default class Export extends AdminCommand<typeof options, ExportedFile | Record<string, unknown>> {
  static override summary = 'Write topics, groups, access rules and name server entries of a cluster as YAML';
  static override description = [
    'The file is what diff and apply read; it can be looked after by hand, and kept under version control. Where brokers differ, the file says so. Sections',
    'of what a cluster does not have (users and rules of 5.x, accounts of 4.x) are left out.',
  ].join('\n');
  static override examples = [
    'mqadmin export -n 127.0.0.1:9876 -c DefaultCluster',
    'mqadmin export -n 127.0.0.1:9876 --kind topics,groups -f /var/tmp/orders.yaml',
    'mqadmin export -n 127.0.0.1:9876 --kind kv --kvNamespace ORDER_TOPIC_CONFIG --json',
    'mqadmin export --schema',
  ];
  static override options = options;
  #text = '';

  protected override async ask(
    admin: AdminClient,
    values: Values,
    context: CommandContext,
  ): Promise<ExportedFile | Record<string, unknown>> {
    if (values.schema) {
      const { definitionsSchema } = await import('../../../client/admin/definitions/schema.js');
      const schema = definitionsSchema();
      this.#text = `${JSON.stringify(schema, null, 2)}\n`;
      return schema;
    }
    const [{ findCluster, readLive }, { definitionsData, definitionsOf }, { definitionsYaml }] = await Promise.all([
      import('../../../client/admin/definitions/read-live.js'),
      import('../../../client/admin/definitions/export.js'),
      import('../../../client/admin/definitions/yaml-text.js'),
    ]);
    const namespaces = namespacesOf(values.kvNamespace);
    const asked = readKinds(values.kind);
    if (asked?.includes('kv') && namespaces.length === 0) {
      throw new UsageError('--kind kv needs the namespaces: give them with --kvNamespace');
    }
    const kinds = asked ?? KINDS.filter((kind) => kind !== 'kv' || namespaces.length > 0);
    const clusterName = await findCluster(admin, values.clusterName);
    const live = await readLive(admin, { clusterName, kinds, namespaces });
    for (const [kind, { unavailable }] of asked === null ? [] : live.kinds) {
      if (unavailable !== undefined) {
        throw new UsageError(`--kind ${SECTIONS[kind].key}: this cluster keeps none (${unavailable})`);
      }
    }
    noteMissingMasters(live, context);
    const { definitions, warnings } = definitionsOf(live, { secrets: values.secrets, system: values.system });
    for (const warning of warnings) {
      context.out.note(`note: ${warning}`);
    }
    const data = definitionsData(definitions);
    this.#text = definitionsYaml(data);
    if (values.file === undefined) {
      return data;
    }
    write(values.file, this.#text, values.secrets);
    const sections = Object.fromEntries([...definitions.kinds].map(([kind, entries]) => [kind, entries.size]));
    this.#text = `cluster ${clusterName} is in ${values.file}: ${Object.entries(sections)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}\n`;
    return { file: values.file, clusterName, sections };
  }

  protected override render(_result: ExportedFile | Record<string, unknown>, out: Output): void {
    out.text(this.#text);
  }
}

function namespacesOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((namespace) => namespace.trim())
    .filter((namespace) => namespace !== '');
}

/** With secrets in it only its owner may read the file. */
function write(file: string, text: string, secrets: boolean): void {
  try {
    writeFileWhole(file, text, secrets ? { mode: 0o600 } : {});
  } catch (cause) {
    throw new ConfigError(`${file} cannot be written (${(cause as NodeJS.ErrnoException).code ?? String(cause)})`, {
      hint: 'name another file with -f, --file',
      cause,
    });
  }
}
