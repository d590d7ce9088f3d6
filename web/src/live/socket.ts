// The live connection: connects, watches for silence, resumes by cursor, tries again when the network returns. Where no
// socket gets through (some proxies let none), it listens to server-sent events instead.
import { pauseMs, readMessage, SILENCE_MS } from "./protocol.ts";
import type { LiveMessage } from "../types.ts";

export type Connection = "connecting" | "live" | "reconnecting" | "offline";

/** So many sockets may close without a word before events are tried. */
const MUTE_SOCKETS = 2;

export interface LiveEvents {
  /** Where to resume, asked at each connect. */
  cursor(): string | null;
  message(message: LiveMessage): void;
  connection(state: Connection): void;
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private events: EventSource | null = null;
  /** Sockets that closed without a word, since the last word on one. */
  private mute = 0;
  private attempt = 0;
  private everLive = false;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watched: string[] = [];

  constructor(private readonly hearer: LiveEvents) {
    addEventListener("online", () => this.again());
    addEventListener("offline", () => this.lost());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.socket?.readyState !== WebSocket.OPEN) this.again();
    });
  }

  /** Opens the socket now. */
  open(): void {
    clearTimeout(this.retry);
    this.drop();
    // Every third try is a socket again, in case the way is clear by now.
    if (this.mute >= MUTE_SOCKETS && this.mute % 3 !== 0) {
      this.mute += 1;
      this.listen();
      return;
    }
    const address = new URL("/api/v1/live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const cursor = this.hearer.cursor();
    if (cursor !== null) address.searchParams.set("cursor", cursor);
    this.mute += 1;
    const socket = new WebSocket(address);
    this.socket = socket;
    this.guard();
    socket.onopen = () => {
      this.guard();
      if (this.watched.length > 0) this.say({ type: "watch", lots: this.watched });
    };
    socket.onmessage = (event) => {
      this.mute = 0;
      this.heard(event.data);
    };
    socket.onclose = () => this.lost();
    socket.onerror = () => socket.close();
  }

  /** Listens to events; what is watched stands in the address, so another wish is another connection. */
  private listen(): void {
    const address = new URL("/api/v1/live/events", location.href);
    const cursor = this.hearer.cursor();
    if (cursor !== null) address.searchParams.set("cursor", cursor);
    if (this.watched.length > 0) address.searchParams.set("watch", this.watched.join());
    const events = new EventSource(address);
    this.events = events;
    this.guard();
    events.onmessage = (event) => this.heard(event.data);
    events.onerror = () => this.lost();
  }

  /** Asks for the bays of these lots from now on. */
  watch(lots: string[]): void {
    if (lots.join() === this.watched.join()) return;
    this.watched = lots;
    if (this.events !== null) this.listenAnew();
    this.say({ type: "watch", lots });
  }

  private say(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private heard(data: unknown): void {
    this.guard();
    const message = readMessage(data);
    if (message === null) return;
    this.attempt = 0;
    this.everLive = true;
    this.hearer.message(message);
    this.hearer.connection("live");
  }

  private guard(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lost(), SILENCE_MS);
  }

  private again(): void {
    this.attempt = 0;
    this.open();
  }

  private lost(): void {
    this.drop();
    clearTimeout(this.watchdog);
    clearTimeout(this.retry);
    if (!navigator.onLine) this.hearer.connection("offline");
    else this.hearer.connection(this.everLive ? "reconnecting" : "connecting");
    this.retry = setTimeout(() => this.open(), pauseMs(this.attempt, Math.random()));
    this.attempt += 1;
  }

  private listenAnew(): void {
    this.drop();
    this.listen();
  }

  private drop(): void {
    if (this.events !== null) {
      this.events.onmessage = this.events.onerror = null;
      this.events.close();
      this.events = null;
    }
    if (this.socket === null) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
    this.socket.close();
    this.socket = null;
  }
}
