// The page's line to the machine: one WebSocket of the gateway's, our text beside RFB's bytes, dialled again when lost.
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;
const OPEN_WITHIN_MS = 10000;
const SILENT_TIMES = 2.4; // so many times as long as the gateway lets pass between two words that it is there
export const FOR_GOOD = { 4401: "expired", 4403: "refused", 4409: "elsewhere" };

// What noVNC takes for a WebSocket: the bytes of ours, without our text.
class Channel {
  constructor(socket) {
    Object.assign(this, { socket, binaryType: "arraybuffer", protocol: "" });
    this.onopen = this.onmessage = this.onclose = this.onerror = null;
    this.readyState = WebSocket.OPEN;
  }
  send(bytes) { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes); }
  close() { this.readyState = WebSocket.CLOSED; this.socket.close(); }
  lost(event) { this.readyState = WebSocket.CLOSED; this.onclose?.(event); }
}

export class Link {
  // on: ready(channel), said(words), lost(closeCode); each may come again and again.
  constructor(url, viewer, on) {
    Object.assign(this, { url, viewer, on, token: "", pause: FIRST_PAUSE_MS, socket: null, channel: null, timer: 0, silence: 0, alive_s: 0 });
  }

  open(token) {
    this.token = token;
    this.rest();
    if (this.socket) return;
    const socket = (this.socket = new WebSocket(this.url));
    socket.binaryType = "arraybuffer";
    const impatience = setTimeout(() => socket.close(), OPEN_WITHIN_MS);
    socket.onopen = () => this.say();
    socket.onmessage = (event) => {
      clearTimeout(impatience);
      if (this.silence) this.listen();
      if (typeof event.data !== "string") this.channel?.onmessage?.(event);
      else this.hear(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      clearTimeout(impatience);
      this.ended(event);
    };
  }

  ended(event) {
    clearTimeout(this.silence);
    this.silence = 0;
    this.socket = null;
    const channel = this.channel;
    this.channel = null;
    channel?.lost(event);
    this.on.lost(event.code);
  }

  // A network that is cut tells nobody. A browser would wait long for the other side to agree to the end; we do not.
  listen(alive_s = this.alive_s) {
    this.alive_s = alive_s;
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      this.ended({ code: 1006 });
    }, alive_s * SILENT_TIMES * 1000);
  }

  // Say who we are, or show a newer token on an open line.
  say() { if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ token: this.token, viewer: this.viewer })); }

  renewed(token) { this.token = token; if (this.channel) this.say(); }

  hear(words) {
    if (words.kind === "ready") {
      this.pause = FIRST_PAUSE_MS;
      if (words.alive_s) this.listen(words.alive_s);
      this.on.ready((this.channel = new Channel(this.socket)), words);
    } else if (words.kind !== "alive") this.on.said(words);
  }

  // Dial soon, each time a little later; asked again meanwhile, only the token is a newer one.
  again(token) {
    this.token = token;
    if (this.timer || this.socket) return;
    this.timer = setTimeout(() => this.open(this.token), this.pause * (0.7 + 0.3 * Math.random()));
    this.pause = Math.min(this.pause * 1.7, LONGEST_PAUSE_MS);
  }

  rest() { clearTimeout(this.timer); this.timer = 0; }

  close() { this.rest(); this.socket?.close(); }
}
