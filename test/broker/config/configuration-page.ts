import { isDynamic } from '../../../broker/config/defaults.js';
import { IGNORED_KEYS } from '../../../broker/config/ignored-keys.js';
import type { ConfigKey } from '../../../broker/config/key.js';
import { SECTIONS, type SectionName } from '../../../broker/config/sections.js';

const TITLES: Readonly<Record<SectionName, string>> = {
  broker: 'Broker',
  store: 'Store (broker)',
  namesrv: 'Name server',
  server: 'Listening side (both nodes)',
  client: 'Out-going connections (both nodes)',
  auth: 'Authentication and authorization (broker)',
};

const HEAD = `# Configuration of the nodes

\`mqbroker\` and \`mqnamesrv\` read the same \`.properties\` files as Apache's nodes:

\`\`\`
mqbroker -c conf/broker.conf -n 127.0.0.1:9876 listenPort=20911
\`\`\`

Order, later wins: defaults, \`NAMESRV_ADDR\`, the file, words of the form \`key=value\`, \`-n\`. \`-p\` prints every key, \`-m\` (broker) the important ones,
\`--print-config\` every key with the place its value came from.

- A key that is not known, or that Apache's nodes ignore, gives one warning with file and line, and the right key where there is one.
- A known key whose value cannot be read stops the start with exit code 2.
- Keys without effect here are accepted; those that were changed are named once in the log.
- \`updateBrokerConfig\` changes *live* keys at once. Other keys count from the next start. The file given with \`-c\` is rewritten with all keys, the old
  one stays as \`.bak\`; without \`-c\` the change lasts until the node stops.

Sizes are plain numbers of bytes. Column *use*: live = an update counts at once, start = read at start, — = accepted without effect. Column *since*: Apache's first
release line with the key.
`;

/** The page, made from the tables. */
export function configurationPage(): string {
  const parts = [HEAD];
  for (const name of Object.keys(TITLES) as SectionName[]) {
    const { className, table } = SECTIONS[name];
    const rows = Object.entries(table).map(
      ([key, row]) => `| \`${key}\` | ${typeText(row)} | ${defaultText(row)} | ${row.use ?? '—'} | ${sinceText(row)} | ${cell(row.text)} |`,
    );
    parts.push(
      `## ${TITLES[name]}\n\nApache's class: ${className}.\n\n| key | type | default | use | since | |\n| --- | --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`,
    );
  }
  const ignored = Object.entries(IGNORED_KEYS).map(
    ([key, { why, use }]) => `| \`${key}\` | ${why} | ${use === undefined ? '' : `\`${use}\``} |`,
  );
  parts.push(`## Keys that are ignored with a warning\n\n| key | why | use instead |\n| --- | --- | --- |\n${ignored.join('\n')}\n`);
  return parts.join('\n');
}

function typeText(row: ConfigKey): string {
  const type = row.choices === undefined ? row.type : row.choices.join(', ');
  return row.unit === undefined ? type : `${type} (${row.unit})`;
}

function defaultText(row: ConfigKey): string {
  if (isDynamic(row.default)) return row.default.documentedAs;
  return row.default === '' ? '(empty)' : `\`${String(row.default).replaceAll('|', '\\|')}\``;
}

function sinceText(row: ConfigKey): string {
  return row.until === undefined ? (row.since ?? '4.x') : `only ${row.until}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
