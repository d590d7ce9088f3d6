// What the server tells operators.

export type State = "ill" | "notice" | "well";

export interface Sensor {
  id: string;
  codec: string;
  lot: string;
  space: string | null;
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
  gateway: string | null;
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
  capacity: number;
  inside: number | null;
  drift: number | null;
  drift_per_day: number | null;
  quarantined: number;
  anchored_at: string | null;
}
