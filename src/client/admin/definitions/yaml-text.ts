import { Document, isMap, type Pair, type Scalar } from 'yaml';

const HEAD = [
  ' mqadmin apply -f FILE makes a cluster so, mqadmin diff -f FILE says what is not so.',
  ' What is not in here is left as it is; apply --prune deletes what the sections in here do not have.',
].join('\n');

/** The text of a file of definitions. */
export function definitionsYaml(data: Record<string, unknown>): string {
  const document = new Document(data);
  document.commentBefore = HEAD;
  if (isMap(document.contents)) {
    for (const { key, value } of document.contents.items as Pair<Scalar, unknown>[]) {
      key.spaceBefore = isMap(value);
    }
  }
  return document.toString({ lineWidth: 0 });
}
