import { defineOptions, type OptionValues } from '../../../cli/options.js';
import type { Output } from '../../../cli/output.js';
import type { AdminClient } from '../../../client/admin/admin-client.js';
import type { Change } from '../../../client/admin/definitions/compare.js';
import { type Definitions, KINDS, type Kind } from '../../../client/admin/definitions/kinds.js';
import type { LiveCluster } from '../../../client/admin/definitions/read-live.js';
import { DifferenceError } from '../../../common/errors.js';
import type { CommandContext } from '../../base.js';
import { AdminCommand } from '../admin-command.js';
import { DEFINITIONS_OPTIONS, noteMissingMasters, readKinds, readSource } from '../definitions-source.js';
import { changeLines, countText, painter } from '../definitions-text.js';
import { openOther } from '../other-cluster.js';

const options = defineOptions({
  ...DEFINITIONS_OPTIONS,
  file: { short: 'f', own: true, group: 'other', groupRequired: true, text: 'File to compare with; - is the standard input' },
  toContext: { own: true, group: 'other', groupRequired: true, long: 'to-context', text: 'Context of the cluster to compare with' },
  toNamesrv: { own: true, group: 'other', groupRequired: true, long: 'to-namesrv', text: 'Name servers of the cluster to compare with' },
  toCluster: { own: true, long: 'to-cluster', text: 'Name of the cluster to compare with, where its name servers know several' },
  kvNamespace: { own: true, text: 'Namespaces of the name servers to compare with another cluster, with commas between them' },
});

type Values = OptionValues<typeof options>;

interface Differences {
  readonly clusterName: string;
  /** The file, or the other cluster. */
  readonly comparedWith: string;
  readonly isSame: boolean;
  readonly changes: readonly Change[];
}

/** Compares a cluster with a file of definitions, or with another cluster. */
export default class Diff extends AdminCommand<typeof options, Differences> {
  static override summary = 'Compare the configuration of a cluster with a file, or with another cluster';
  static override description = [
    'Says what would have to change on the cluster of -n or --context: + is in the file alone, - on the cluster alone, ~ on both and not the same.',
    'Only sections that the file has are compared, and of a thing only the fields that it names. Ends with 0 when all is the same, with 7 when not.',
  ].join('\n');
  static override examples = [
    'mqadmin diff -n 127.0.0.1:9876 --to-namesrv 127.0.0.1:9876',
    'mqadmin diff -n 127.0.0.1:9876 -f cluster.yaml --kind orderConf --output json',
  ];
  static override options = options;
  #lines: string[] = [];

  protected override async ask(admin: AdminClient, values: Values, context: CommandContext): Promise<Differences> {
    const [{ findCluster, readLive }, { compareDefinitions }] = await Promise.all([
      import('../../../client/admin/definitions/read-live.js'),
      import('../../../client/admin/definitions/compare.js'),
    ]);
    const kinds = readKinds(values.kind);
    const { wanted, comparedWith, namespaces } = await this.#wanted(admin, values, { kinds, context });
    const clusterName = await findCluster(admin, values.clusterName, wanted.clusterName);
    const live = await readLive(admin, { clusterName, kinds: [...wanted.kinds.keys()], namespaces });
    noteMissingMasters(live, context);
    const changes = compareDefinitions(await this.#comparable(values, { wanted, live, context }), live);
    const paint = painter(context);
    this.#lines = changes.flatMap((change) => changeLines(change, paint));
    const result: Differences = { clusterName, comparedWith, isSame: changes.length === 0, changes };
    if (changes.length > 0) {
      const count = `${changes.length} ${changes.length === 1 ? 'difference' : 'differences'}`;
      throw new DifferenceError(`cluster ${clusterName} is not as ${comparedWith}: ${count} (${countText(changes)})`, {
        context: { result, differences: changes.length },
      });
    }
    return result;
  }

  /** What the cluster is compared with. */
  async #wanted(
    admin: AdminClient,
    values: Values,
    { kinds, context }: { kinds: readonly Kind[] | null; context: CommandContext },
  ): Promise<{ wanted: Definitions; comparedWith: string; namespaces: readonly string[] }> {
    if (values.file !== undefined) {
      const [{ parseDefinitions }, { namespacesOf }] = await Promise.all([
        import('../../../client/admin/definitions/parse.js'),
        import('../../../client/admin/definitions/apply.js'),
      ]);
      const all = parseDefinitions(await readSource(values.file, context), values.file);
      const wanted = { ...all, kinds: new Map([...all.kinds].filter(([kind]) => kinds?.includes(kind) ?? true)) };
      return { wanted, comparedWith: values.file, namespaces: namespacesOf(wanted) };
    }
    const [{ findCluster, readLive }, { definitionsOf }] = await Promise.all([
      import('../../../client/admin/definitions/read-live.js'),
      import('../../../client/admin/definitions/export.js'),
    ]);
    const namespaces = values.kvNamespace?.split(',').map((namespace) => namespace.trim()) ?? [];
    const other = await openOther(admin, { context: values.toContext, namesrvAddr: values.toNamesrv }, context);
    try {
      const clusterName = await findCluster(other, values.toCluster);
      const live = await readLive(other, { clusterName, kinds: kinds ?? KINDS, namespaces });
      noteMissingMasters(live, context);
      const { definitions } = definitionsOf(live, { secrets: true, system: false });
      const comparedWith = `${clusterName} of ${values.toContext ?? values.toNamesrv ?? ''}`;
      return { wanted: definitions, comparedWith, namespaces };
    } finally {
      await other.close();
    }
  }

  /** A file that speaks of what the cluster cannot have is wrong; of another cluster that part is left out, with a remark. */
  async #comparable(
    { file }: Values,
    { wanted, live, context }: { wanted: Definitions; live: LiveCluster; context: CommandContext },
  ): Promise<Definitions> {
    if (file !== undefined) {
      const { checkPlan } = await import('../../../client/admin/definitions/apply.js');
      checkPlan([], { wanted, live }, { file });
      return wanted;
    }
    const { comparablePart } = await import('../../../client/admin/definitions/compare.js');
    const { definitions, leftOut } = comparablePart(wanted, live);
    for (const what of leftOut) {
      context.out.note(`note: not compared: ${what}`);
    }
    return definitions;
  }

  protected override render(result: Differences, out: Output): void {
    for (const line of this.#lines) {
      out.line(line);
    }
    if (result.isSame) {
      out.line(`cluster ${result.clusterName} is as ${result.comparedWith}`);
    }
  }
}
