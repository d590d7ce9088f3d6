// What the server tells of matters, as the desk reads it.
import type { LonLat, Role, Text } from "../types.ts";

export interface Due {
  stage: string;
  since: string;
  by: string;
  in_working_time: boolean;
}

export interface Matter {
  id: string;
  number: string;
  category: string;
  category_name: Text;
  source: string;
  state: string;
  level: string;
  cell: string | null;
  cell_name: Text | null;
  cell_code: string | null;
  town: string | null;
  street_class: number;
  location: LonLat | null;
  unit: string | null;
  unit_name: Text | null;
  assignee: string | null;
  subject: string | null;
  collected_at: string;
  due: Due | null;
  course: { asks?: string | null; late: string[]; reworks: number; reopened: number };
  reports: number;
  rank: number;
  is_overdue: boolean;
  needs_picture: boolean;
  steps: string[];
}

export interface ReportView {
  source: string;
  what: string;
  place: string;
  contact: string | null;
  at: string;
  pictures: string[];
  rank: number;
  judged: number | null;
}

export interface StepView {
  seq: number;
  at: string;
  step: string;
  who: string;
  why: string;
  pictures: string[];
}

export interface Whole extends Matter {
  said: ReportView[];
  history: StepView[];
  opened_when: Text;
  closed_when: Text;
}

export interface KindFacts {
  code: string;
  class: string;
  name: Text;
  needs_picture: boolean;
}

export interface CellFacts {
  id: string;
  name: Text;
  unit: Text;
  code: string | null;
  area: GeoJSON.MultiPolygon | GeoJSON.Polygon;
}

export interface Kit {
  now: string;
  name: string;
  role: Role;
  command: string | null;
  my_units: string[];
  kinds: KindFacts[];
  units: { id: string; name: Text }[];
  cells: CellFacts[];
}
