// The build of the pages: seven HTML entries, no inline scripts, nothing fetched from elsewhere.
import { defineConfig } from "vite";

const server = process.env.YUNPARK_SERVER ?? "http://127.0.0.1:8080";
const proxy = {
  "/api/v1/live": { target: server, ws: true },
  "/api": server,
  "/feeds/": server,
  "/metrics": server,
  "/readyz": server,
};

export default defineConfig({
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    rollupOptions: {
      input: ["index.html", "signs.html", "feeds.html", "display.html", "officer.html", "supervisor.html", "operator.html"],
    },
  },
  worker: { format: "es" },
  server: { proxy },
  preview: { proxy },
});
