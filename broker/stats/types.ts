/** One window of a counter. */
export interface StatsSnapshot {
  /** Growth in the window. */
  sum: number;
  /** Growth a second. */
  tps: number;
  /** Growth each time something was counted. */
  avgpt: number;
}

/** A counter in its three windows. */
export interface StatsView {
  statsMinute: StatsSnapshot;
  statsHour: StatsSnapshot;
  statsDay: StatsSnapshot;
}
