// The map's colours by day and by night; the same families as the page's style sheet.

export interface Palette {
  land: string;
  water: string;
  green: string;
  building: string;
  buildingEdge: string;
  road: string;
  casing: string;
  name: string;
  halo: string;
  zone: string;
  surface: string;
  ink: string;
  edge: string;
  /** A bay of which nothing is known, from afar. */
  stain: string;
  /** Around a sign's black board. */
  board: string;
  me: string;
  free: string;
  few: string;
  full: string;
  off: string;
  onFree: string;
  onFew: string;
  onFull: string;
  onOff: string;
}

export type Theme = "light" | "dark";

export const PALETTES: Record<Theme, Palette> = {
  light: {
    land: "#f2f1ec",
    water: "#bcd9ea",
    green: "#d5e5cb",
    building: "#e4e1d9",
    buildingEdge: "#d5d1c6",
    road: "#ffffff",
    casing: "#d6d3cb",
    name: "#55605c",
    halo: "#ffffff",
    zone: "#c22f1e",
    surface: "#ffffff",
    ink: "#14211d",
    edge: "#ffffff",
    stain: "#d2d5cf",
    board: "#ffffff",
    me: "#0b57d0",
    free: "#1565c0",
    few: "#f2b705",
    full: "#c22f1e",
    off: "#5e6b66",
    onFree: "#ffffff",
    onFew: "#241c00",
    onFull: "#ffffff",
    onOff: "#ffffff",
  },
  dark: {
    land: "#141b19",
    water: "#1a3346",
    green: "#1b2d22",
    building: "#202927",
    buildingEdge: "#2b3633",
    road: "#33403c",
    casing: "#10161400",
    name: "#a9b8b3",
    halo: "#141b19",
    zone: "#ff7a66",
    surface: "#18211e",
    ink: "#e6eeeb",
    edge: "#0f1715",
    stain: "#2f3a36",
    board: "#9caba6",
    me: "#8ab8ff",
    free: "#6fb1ff",
    few: "#ffcb3d",
    full: "#ff7a66",
    off: "#9caba6",
    onFree: "#06172b",
    onFew: "#241c00",
    onFull: "#2b0600",
    onOff: "#0f1715",
  },
};

export const FONTS = [
  "-apple-system",
  "PingFang SC",
  "HarmonyOS Sans SC",
  "MiSans",
  "Segoe UI",
  "Microsoft YaHei",
  "Noto Sans SC",
  "Noto Sans CJK SC",
  "Roboto",
  "sans-serif",
];
