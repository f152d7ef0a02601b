import { mqkitVersion } from '../../bench/version.js';
import { type CommonOption, defineOptions, type OptionValues } from '../../cli/options.js';
import type { Output } from '../../cli/output.js';
import { UsageError } from '../../common/errors.js';
import { type CommandContext, MqCommand } from '../base.js';

const options = defineOptions({
  out: { short: 'o', own: true, default: 'report.html', text: 'File to write, or - for stdout, Default: report.html' },
});

interface ReportWritten {
  /** `-` for stdout. */
  readonly file: string;
  readonly results: number;
  readonly bytes: number;
}

/** `mqbench report`. */
export default class ReportCommand extends MqCommand<typeof options, ReportWritten> {
  static override summary = 'Draw results into one HTML file that works offline';
  static override description =
    'Takes the files that --json wrote: throughput and latency over time, percentile curves, sweeps and searches, what differs between the\n' +
    'results, the machines and the commands. Several results are laid over one another. The file needs nothing else and asks nobody.';
  static override examples = [
    'mqbench report result.json',
    'mqbench report before.json after.json -o report.html',
    'mqbench report *.json -o - > report.html',
  ];
  static override options = options;
  static override commonOptions: readonly CommonOption[] = ['json', 'debug'];
  static override extraWords = 'keep' as const;

  protected async execute(values: OptionValues<typeof options>, context: CommandContext): Promise<ReportWritten> {
    const [{ resolve }, { readResults }, { reportPage }, { writeReport }] = await Promise.all([
      import('node:path'),
      import('../../bench/report/read-results.js'),
      import('../../bench/report/page.js'),
      import('../../bench/report/write-report.js'),
    ]);
    const { out: file } = values;
    const toStdout = file === '-';
    if (toStdout && context.json) {
      throw new UsageError('-o - and --json both write to stdout; give -o a file name');
    }
    if (!toStdout && context.words.some((word) => resolve(word) === resolve(file))) {
      throw new UsageError(`-o ${file} is one of the results; the report would take its place`);
    }
    const results = await readResults(context.words);
    const page = reportPage(results, { at: new Date(), version: mqkitVersion() });
    if (toStdout) {
      context.out.text(page);
    } else {
      writeReport(file, page);
    }
    return { file, results: results.length, bytes: Buffer.byteLength(page) };
  }

  protected override render({ file, results, bytes }: ReportWritten, out: Output): void {
    if (file !== '-') {
      out.line(`${file}: ${results} ${results === 1 ? 'result' : 'results'}, ${Math.ceil(bytes / 1000)} kB`);
    }
  }
}
