// The live socket: connects, watches for silence, resumes by cursor, tries again when the network returns.
import { pauseMs, readMessage, SILENCE_MS } from "./protocol.ts";
import type { LiveMessage } from "../types.ts";

export type Connection = "connecting" | "live" | "reconnecting" | "offline";

export interface LiveEvents {
  /** Where to resume, asked at each connect. */
  cursor(): string | null;
  message(message: LiveMessage): void;
  connection(state: Connection): void;
}

export class LiveSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private everLive = false;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watched: string[] = [];

  constructor(private readonly events: LiveEvents) {
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
    const address = new URL("/api/v1/live", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const cursor = this.events.cursor();
    if (cursor !== null) address.searchParams.set("cursor", cursor);
    const socket = new WebSocket(address);
    this.socket = socket;
    this.guard();
    socket.onopen = () => {
      this.guard();
      if (this.watched.length > 0) this.say({ type: "watch", lots: this.watched });
    };
    socket.onmessage = (event) => this.heard(event.data);
    socket.onclose = () => this.lost();
    socket.onerror = () => socket.close();
  }

  /** Asks for the bays of these lots from now on. */
  watch(lots: string[]): void {
    if (lots.join() === this.watched.join()) return;
    this.watched = lots;
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
    this.events.message(message);
    this.events.connection("live");
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
    if (!navigator.onLine) this.events.connection("offline");
    else this.events.connection(this.everLive ? "reconnecting" : "connecting");
    this.retry = setTimeout(() => this.open(), pauseMs(this.attempt, Math.random()));
    this.attempt += 1;
  }

  private drop(): void {
    if (this.socket === null) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
    this.socket.close();
    this.socket = null;
  }
}
