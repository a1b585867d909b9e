// A recording as the page has it: its parts' frames and actions in order, and pictures, of which few parts are held.
const PARTS_HELD = 6;

export class Ended extends Error {
  constructor(status) {
    super(`the platform says ${status}`);
    this.status = status;
  }
}

export class Reel {
  constructor(token) {
    this.token = token;
    this.frames = [];
    this.actions = [];
    this.last = 0;
    this.held = new Map();
  }

  async ask(path, words = {}) {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: this.token, ...words }),
      cache: "no-store",
    });
    if (!answer.ok) throw new Ended(answer.status);
    return answer;
  }

  // How the recording stands; the token that comes along is used from now on.
  async renew() {
    const found = await (await this.ask("/replay/session")).json();
    this.token = found.token;
    return found;
  }

  // What has been stored since it was last asked; whether there was anything.
  async more() {
    const { parts } = await (await this.ask("/replay/timeline", { after: this.last })).json();
    for (const part of parts) {
      this.last = part.number;
      for (const [at, offset, length] of part.frames) this.frames.push({ at, part: part.number, offset, length });
      this.actions.push(...part.actions);
    }
    this.actions.sort((one, other) => one.at_ms - other.at_ms);
    return parts.length > 0;
  }

  // The frame that was seen at a moment: the last one before it, by halving.
  frameAt(at) {
    let low = 0;
    let high = this.frames.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.frames[middle].at <= at) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  async picture(frame) {
    const part = await this.part(frame.part);
    return part.slice(frame.offset, frame.offset + frame.length, "image/jpeg");
  }

  part(number) {
    const known = this.held.get(number);
    const asked = known ?? this.ask("/replay/frames", { number }).then((answer) => answer.blob());
    this.held.delete(number);
    this.held.set(number, asked);
    if (!known) asked.catch(() => this.held.delete(number));
    while (this.held.size > PARTS_HELD) this.held.delete(this.held.keys().next().value);
    return asked;
  }
}
