// What the server tells administrators.
import type { Role } from "../types.ts";

export interface User {
  name: string;
  role: Role;
  unit: string | null;
  second_factor: boolean;
  created_at: string;
  disabled_at: string | null;
}

export type Holds =
  | { type: "whole"; least: number; most: number; optional: boolean; unit: string }
  | { type: "word"; of: string[] }
  | { type: "text"; most: number }
  | { type: "days" };

export interface FieldSpec {
  name: string;
  holds: Holds;
}

export type Value = Record<string, number | string | string[] | null>;

export interface Setting {
  name: string;
  fields: FieldSpec[];
  value: Value | null;
  configured: Value | null;
  version: number;
  is_set: boolean;
  set_by: string | null;
  set_at: string | null;
  reason: string | null;
}

export interface Version {
  version: number;
  value: Value | null;
  sha256?: string;
  set_by: string;
  set_at: string;
  reason: string;
  ledger_seq: number;
}

export interface Form {
  document: string;
  setting: string;
  whence: "built_in" | "folder" | "set";
  sha256: string;
  html: string;
  required: string[];
  known: string[];
}

export interface Permit {
  id: string;
  kind: "permit" | "white_list";
  plate: string;
  zone: string | null;
  from: string;
  to: string;
  reason: string;
  granted_by: string;
  ended_at?: string;
}

export interface Change {
  seq: number;
  at: string;
  actor: { type: string; name?: string; role?: Role; id?: string; rule?: string };
  kind: string;
  subject_type: string;
  subject_id: string;
  detail: Record<string, unknown>;
}
