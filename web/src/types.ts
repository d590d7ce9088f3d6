// The JSON shapes of the server's doors, as the pages read them.

export type Text = string | { zh?: string; en?: string };
export type LonLat = [number, number];
export type Level = "free" | "few" | "full" | "closed" | "no_data";
export type VehicleClass = "motor" | "non_motor";

export interface Availability {
  id: string;
  capacity: number;
  free: number;
  occupied: number;
  unknown: number;
  out_of_service: number;
  observed_at: string | null;
  quality: "live" | "stale" | "no_data";
  level: Level;
  version: number;
  /** The counts of each special use and class of vehicle. */
  groups?: Group[];
}

export interface Group {
  class: VehicleClass | null;
  use: string | null;
  capacity: number;
  free: number;
}

/** What is expected on arrival. */
export interface Arrival {
  travel_s: number;
  free: number;
  chance: number;
}

export type Trend = "rising" | "falling" | "steady";

export interface LotFacts {
  id: string;
  name: Text;
  kind: "garage" | "car_park" | "street";
  location: LonLat;
  vehicle_class: VehicleClass;
  uses: Record<string, number>;
  opening_hours: string | null;
  open: boolean;
  tariff: Text | null;
  max_height_m: number | null;
  entrances: LonLat[];
  street: string | null;
  /** Where free places went of late; absent while that is not known. */
  trend?: Trend;
}

export type Lot = LotFacts & Availability;

export interface HistoryPoint {
  at: string;
  free: number;
}

export interface ForecastAnswer {
  at: string;
  made_at: string;
  free: number;
  low: number;
  high: number;
  chance: number;
  method: "regression" | "usual_change" | "persistence" | "closed";
}

/** What a day is usually like. */
export interface Typical {
  date: string;
  kind: "working" | "saturday" | "sunday" | "holiday";
  weekday: number | null;
  days: number;
  capacity: number;
  points: { at: string; free: number }[];
}

/** What is drawn under the lots in place of the city's own features. */
export interface TileBase {
  kind: "pmtiles" | "raster" | "vector";
  url: string;
  schema: "protomaps" | "openmaptiles";
  datum: "wgs84" | "gcj02";
  attribution: string;
  max_zoom: number;
  tile_px: number;
}

export type CityMap = GeoJSON.FeatureCollection & { base?: TileBase | null };

export interface City {
  name: Text;
  time_zone: string;
  fictional: boolean;
}

export interface LotsAnswer {
  cursor: string;
  generated_at: string;
  city: City;
  lots: Lot[];
}

export type SpaceState = "free" | "occupied" | "unknown";

export interface SpaceChange {
  id: string;
  state: SpaceState;
  out_of_service: boolean;
  observed_at: string | null;
}

export interface Space extends SpaceChange {
  location: LonLat | null;
  outline: GeoJSON.Geometry | null;
  uses: string[];
}

export type LiveMessage =
  | { type: "snapshot"; cursor: string; lots: Availability[] }
  | { type: "changes"; cursor: string; lots: Availability[] }
  | { type: "heartbeat"; cursor: string }
  | { type: "spaces"; lot: string; spaces: SpaceChange[]; partial?: boolean }
  | { type: "error"; detail: string };

export interface FaceLine {
  label: string;
  arrow: "left" | "ahead" | "right" | "u_turn" | null;
  text: string;
  state: Level | "text";
  lots: string[];
  free: number | null;
  offset: number;
  reason: string | null;
  rule?: "thresholds" | "arrival";
}

export interface Face {
  version: number;
  mode: "normal" | "full" | "closed" | "fallback" | "blank";
  lines: FaceLine[];
  source: "guidance" | "operator" | "emergency";
  page_ms: number;
  brightness_percent?: number;
}

/** What a line of a sign rests on. */
export interface Basis {
  observed_at: string | null;
  limit_s: number;
  reporting_share: number;
}

/** What a person has signs show. */
export interface SignOrder {
  id: string;
  panel: string | null;
  priority: "operator" | "emergency";
  mode: "text" | "full" | "closed" | "fallback" | "blank";
  text: Text | null;
  reason: string;
  starts_at: string;
  ends_at: string;
}

export interface Panel {
  id: string;
  width_px: number;
  height_px: number;
  desired: Face | null;
  desired_good_for_ms: number | null;
  desired_pages: number;
  basis: Basis[];
  fault: string | null;
  confirmed: Face | null;
  confirmed_pages: number;
  /** Since when it has been seen to show it, and when it was last seen. */
  confirmed_since: string | null;
  confirmed_at: string | null;
  /** What it was last told, and when. */
  sent_version: number | null;
  sent_at: string | null;
  image: string;
}

export interface Sign {
  id: string;
  name: Text;
  location: LonLat;
  heading_deg: number;
  level: "area" | "street" | "entrance";
  protocol: string;
  orders: SignOrder[];
  panels: Panel[];
  health: {
    state: "ok" | "failing" | "unreachable" | "unknown";
    /** What kind of thing is wrong, in a word. */
    cause: string | null;
    detail: string | null;
    since: string | null;
    /** Open: it failed several times in a row and is only tried now and then. */
    circuit: "closed" | "open" | "half_open";
  };
  device: SignDevice | null;
}

/** How the parts of a sign are; what it does not tell is null. */
export interface SignDevice {
  faults: string[];
  door_open: boolean | null;
  failed_pixels: number | null;
  failed_pixel_places: [number, number][];
  cabinet_c: [number, number] | null;
  ambient_c: [number, number] | null;
  housing_c: [number, number] | null;
  examined_at: string;
}

export type Role = "officer" | "supervisor" | "operator" | "auditor" | "admin";

export interface Session {
  name: string;
  role: Role;
  expires_at: string;
}

export interface Prior {
  warnings: number;
  penalties: number;
  corrections: number;
  seizures: number;
}

export interface EvidenceImage {
  sha256: string;
  url: string;
}

export interface ZoneFacts {
  id: string;
  name: Text;
  /** Null once the zone has left the city file. */
  rule: string | null;
  dwell_s: number | null;
  street_class: number | null;
}

interface NearLot {
  id: string;
  name: Text;
  free: number | null;
  distance_m: number;
}

export interface Incident {
  id: string;
  state: "open" | "ripe" | "reviewed" | "closed";
  plate: string | null;
  /** Every reading of the plate among its captures. */
  as_read?: string[];
  /** A police, ambulance, fire or rescue plate: the duty is asked for first. */
  may_be_on_duty?: boolean;
  vehicle_class: VehicleClass;
  zone: ZoneFacts;
  first_seen: string;
  last_seen: string;
  dwell_s: number;
  captures: { id: string; at: string; camera: string | null; images: EvidenceImage[]; doubts?: string[] }[];
  nearest_lots: NearLot[];
  /** As they were when the stay became an offence. */
  lots_when_ripe?: NearLot[] | null;
  /** Who has taken it to look at. */
  claim?: { person: string; until: string } | null;
  prior: Prior;
  record: string | null;
}

export type RecordKind = "warning" | "correction" | "penalty" | "seizure";

/** An entry of the enforcement ledger (the brief's RECORD). */
export interface LedgerRecord {
  id: string;
  number: string;
  kind: RecordKind;
  state: string;
  plate: string | null;
  vehicle_class: VehicleClass;
  at: string;
  place: { location: LonLat | null; zone: string | null; grid_cell: string | null };
  reason: string;
  note: string | null;
  officer: string;
  incident: string | null;
  evidence: EvidenceImage[];
  ledger_seq: number;
  act?: string | null;
  legal_basis?: string | null;
  approved_by?: string | null;
  course?: {
    amount_yuan?: number;
    noticed_yuan?: number;
    receipt?: string;
    taken_by?: string;
    party?: { name: string; address: string };
    at?: Record<string, string>;
  };
  next_steps?: string[];
}

/** One deadline of a record. */
export interface Due {
  what: string;
  by: string;
  day: string;
  is_certain: boolean;
  basis: string;
  is_ours: boolean;
}

/** What happened to a record, and what is due. */
export interface Course {
  record: LedgerRecord;
  steps: { seq: number; at: string; actor: { name?: string }; kind: string; step: string | null; why: string | null; state: string | null }[];
  dues: Due[];
}

export interface Statistics {
  warnings: number;
  corrections: number;
  penalties: number;
  seizures: number;
  incidents_open: number;
  incidents_ripe: number;
  by_zone: { zone: string | null; name: Text | null; count: number }[];
  by_day: { day: string; warnings: number; corrections: number; penalties: number; seizures: number }[];
}

export interface HistoryEntry {
  kind: "capture" | "incident" | RecordKind;
  at: string;
  id: string;
  summary: Text;
  state: string | null;
  zone: string | null;
  ledger_seq: number | null;
}

export interface PlateHistory {
  plate: string;
  as_read?: string | null;
  entries: HistoryEntry[];
  prior: Prior;
  /** The ledger's entry of this very look-up. */
  ledger_seq?: number;
}
