/** Settings of a topic as the administration sends and shows them. */
export interface TopicSettings {
  readonly topicName: string;
  readonly readQueueNums: number;
  readonly writeQueueNums: number;
  /** 2 write, 4 read, 6 both. */
  readonly perm: number;
  readonly topicFilterType: 'SINGLE_TAG' | 'MULTI_TAG';
  readonly topicSysFlag: number;
  readonly order: boolean;
  /** Changes: `+key` adds with its value, `-key` removes. */
  readonly attributes: Readonly<Record<string, string>>;
}
