// What the server tells operators.

export type State = "ill" | "notice" | "well";

export interface Sensor {
  id: string;
  codec: string;
  /** Null for a counter of an approach. */
  lot: string | null;
  space: string | null;
  approach?: string;
  state: State;
  illnesses: string[];
  trustworthy: boolean;
  heard_at: string | null;
  heartbeat_s: number | null;
  occupied: boolean | null;
  since: string | null;
  battery_mv: number | null;
  battery_percent: number | null;
  temperature_c: number | null;
  fault: string | null;
  restart: string | null;
  gateways: string[];
  clock_ahead_ms: number | null;
  events: number;
  duplicates: number;
  missed_changes: number;
  implausible: number;
}

export interface Gateway {
  id: string;
  online: boolean;
  since: string;
}

export interface SensorList {
  generated_at: string;
  totals: Record<State | "sensors", number> & { illnesses: Record<string, number> };
  gateways: Gateway[];
  sensors: Sensor[];
  next: string | null;
}

export interface Counter {
  lot: string;
  counted_by: "counters" | "spaces";
  capacity: number;
  anchor: number | null;
  anchored_at: string | null;
  in: number;
  out: number;
  /** As counted, also below zero or above the capacity. */
  raw: number | null;
  shown: number | null;
  drift: number | null;
  drift_per_day: number | null;
  quarantined: number;
  nightly_reset: string | null;
  last_reset: { at: string; by: "operator" | "schedule"; occupied: number; reason: string | null } | null;
  manual_corrections: number;
}
