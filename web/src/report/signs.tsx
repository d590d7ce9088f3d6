// A small drawing for each kind of matter, so that it is found at a glance in any language.
const DRAWINGS: Record<string, string> = {
  E0501: "M3 15v-3l2-5h10l4 5h2v3h-2M7 15h8M3 12h16M7 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0M19 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0",
  E0502: "M8 15a3 3 0 1 1-6 0 3 3 0 0 1 6 0M22 15a3 3 0 1 1-6 0 3 3 0 0 1 6 0M5 15h6l4-8h3M15 7l4 8M8 9h4",
  E0503: "M12 3c1 4 5 5 5 10a5 5 0 0 1-10 0c0-2 1-3 2-4 0 2 1 3 2 3 1-3-1-5 1-9",
  E0504: "M11 4a1.5 1.5 0 1 1 0 .1M11 7v6h5l3 6M11 9h4M9 11a5 5 0 1 0 6 7",
  E0505: "M7 17a3 3 0 1 1-6 0 3 3 0 0 1 6 0M23 17a3 3 0 1 1-6 0 3 3 0 0 1 6 0M4 17l3-7h8l5 7M7 10L11 17h5l-1-7M6 7h3M9 6l8-3",
  E0506: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6 0v4M12 15v2",
  E0507: "M3 16v-3l2-5h9l4 5h3v3M3 13h15M5 8l5 5M8 16a2 2 0 1 1-4 0 2 2 0 0 1 4 0M14 19l5-5M14 14l5 5",
  C0201: "M5 4v16M19 4v16M5 12h4M11 12h2M15 12h4",
  C0203: "M4 5h16v9H4zM8 9h3M13 9h3M12 14v6M9 20h6",
  C0206: "M4 20V8M10 20V8M16 20V8M2 11h20M2 16h20M19 5l-3 3",
  C0207: "M5 20V9h4v11M9 11l12-4M13 10l1 2M17 8.500l1 2M3 20h8",
};
const OTHER = "M12 3l9 16H3zM12 9v5M12 16.500v.5";

export function Sign({ code }: { code: string }) {
  return (
    <svg class="kind-sign" viewBox="0 0 24 24" aria-hidden="true">
      <path d={DRAWINGS[code] ?? OTHER} />
    </svg>
  );
}
