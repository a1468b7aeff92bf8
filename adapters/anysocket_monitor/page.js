"use strict";
// Asks for stats.json each second and shows it. Text from outside goes to textContent only.

const SECONDS = 120;  // the width of the chart
const MEANINGS = {
  1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1005: "no code given",
  1006: "lost, no close frame", 1007: "invalid data", 1008: "policy violation", 1009: "message too big",
  1011: "internal error", 1012: "service restart", 1013: "try again later", 1014: "bad gateway",
};
const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const number = (value) => value < 10_000 ? String(Math.round(value * 10) / 10) : whole.format(value);
const units = ["B", "KiB", "MiB", "GiB", "TiB"];

function size(bytes) {
  const power = Math.max(0, Math.min(units.length - 1, Math.floor(Math.log2(bytes || 1) / 10)));
  return `${number(bytes / 1024 ** power)} ${units[power]}`;
}

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

let last = null;
let points = [];  // one for each answer: its time, and the rates since the one before

function show(now) {
  byId("connections").textContent = number(now.connections);
  byId("room-count").textContent = number(now.room_count);
  byId("queued").textContent = number(now.messages_queued);
  byId("queued-bytes").textContent = now.bytes_queued ? size(now.bytes_queued) : "";
  alarm("dropped", now.messages_dropped);
  alarm("slow", now.slow_consumers);
  showRates(now);
  bars("rooms", now.rooms.map(([name, members]) => [members, [name], [number(members)]]));
  bars("queues", now.queues.map((queue) => [
    queue.bytes_queued,
    [queue.id, element("small", [queue.client, queue.path].filter(Boolean).join(" "))],
    [size(queue.bytes_queued), element("small", `${number(queue.messages_queued)} messages`)],
  ]));
  bars("closes", now.closes.map(([code, count]) => [count, [`${code} `, element("small", MEANINGS[code] ?? "")], [number(count)]]));
  const hidden = now.room_count - now.rooms.length;
  byId("rooms-more").textContent = hidden > 0 ? `the ${now.rooms.length} largest of ${number(now.room_count)}` : "";
  status("live", `live · process ${now.process}`);
}

function alarm(id, count) {
  byId(id).textContent = number(count);
  byId(id).classList.toggle("bad", count > 0);
}

function status(kind, text) {
  byId("status").className = kind;
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

function showRates(now) {
  // Of several processes another one may have answered, whose numbers are its own.
  if (last && last.process === now.process && now.time > last.time) {
    const rate = (field) => Math.max(0, (now[field] - last[field]) / (now.time - last.time));
    points.push({ time: now.time, sent: rate("messages_sent"), received: rate("messages_received") });
    points = points.filter((point) => now.time - point.time <= SECONDS + 2);
    byId("sent-rate").textContent = number(points.at(-1).sent);
    byId("received-rate").textContent = number(points.at(-1).received);
    byId("sent-bytes").textContent = size(rate("bytes_sent"));
    byId("received-bytes").textContent = size(rate("bytes_received"));
  } else if (last && last.process !== now.process) points = [];
  last = now;
  draw(now.time);
}

function draw(now) {
  const top = roundUp(Math.max(1, ...points.map((point) => Math.max(point.sent, point.received))));
  byId("chart-top").textContent = number(top);
  for (const series of ["sent", "received"]) {
    const steps = points.map((point) => `${(SECONDS - (now - point.time)).toFixed(2)} ${(100 - 100 * point[series] / top).toFixed(2)}`);
    const line = steps.length > 1 ? `M${steps.join("L")}` : "";
    byId(`${series}-line`).setAttribute("d", line);
    byId(`${series}-area`).setAttribute("d", line && `${line}V100H${(SECONDS - (now - points[0].time)).toFixed(2)}Z`);
  }
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

function bars(id, rows) {
  const most = Math.max(1, ...rows.map(([value]) => value));
  byId(id).replaceChildren(...rows.map(([value, name, shown]) => {
    const row = element("li", element("bdi", ...name), element("b", ...shown));
    row.style.setProperty("--share", `${100 * value / most}%`);
    return row;
  }));
}

async function poll() {
  try {
    const response = await fetch("stats.json", { cache: "no-store", signal: AbortSignal.timeout(5000) });
    if (response.ok) show(await response.json());
    else status("lost", response.status === 403 ? "no longer allowed" : `error ${response.status}`);
  } catch {
    status("lost", "no answer");
  }
  setTimeout(poll, 1000);
}

byId("host").textContent = location.host;
poll();
