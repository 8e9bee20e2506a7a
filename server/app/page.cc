#include "server/app/page.h"

#include <string>
#include <string_view>

namespace insightflow::server {
namespace {

// Scripts and styles come from this server's own files only, so the policy needs no hash or nonce.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

constexpr std::string_view kHtml = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>InsightFlow</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/app.css">
<script src="/app.js" defer></script>
</head>
<body>
<header>
  <h1>InsightFlow</h1>
  <p>User-behaviour analytics in one process. What is accepted is on the disk.
  <span id="state" role="status">connecting</span></p>
</header>
<main>
  <section class="figures" aria-label="Now">
    <div><b id="online">–</b>online, last 5 minutes</div>
    <div><b id="rate">–</b>events in the last minute</div>
    <div><b id="total">–</b>events in all</div>
    <div><b id="conversion">–</b>of viewers have bought</div>
  </section>
  <section>
    <h2>Events a minute, last hour</h2>
    <svg id="minutes" viewBox="0 0 600 80" preserveAspectRatio="none" role="img"
         aria-label="Events a minute over the last hour"></svg>
  </section>
  <div class="columns">
    <section><h2>By type</h2><table><tbody id="types"></tbody></table></section>
    <section><h2>Hot pages</h2><table><tbody id="pages"></tbody></table></section>
  </div>
  <section>
    <h2>Send an event</h2>
    <pre id="try"></pre>
    <p>Ask: <a href="/api/stats/dashboard">dashboard</a>,
    <a href="/api/stats/hot-pages?window=all">hot pages</a>,
    <a href="/api/stats/conversion">conversion</a>,
    <a href="/api/user/u1/events">one user</a>,
    <a href="/health">health</a>, <a href="/metrics">metrics</a>.</p>
  </section>
</main>
</body>
</html>
)html";

constexpr std::string_view kCss = R"css(:root {
  --ink: #1c2430; --soft: #667085; --line: #e4e7ec; --paper: #ffffff; --ground: #f6f7f9;
  --accent: #2f6fed; --bad: #b42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3340; --paper: #171c24; --ground: #0f1319;
    --accent: #6d9bff; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
header, main { max-width: 64rem; margin: 0 auto; padding: 1.5rem 1rem 0; }
h1 { margin: 0; font-size: 1.6rem; letter-spacing: -.02em; }
h2 { margin: 0 0 .6rem; font-size: .85rem; font-weight: 600; color: var(--soft); }
p { margin: .3rem 0 0; color: var(--soft); }
a { color: var(--accent); }
#state { padding: .1rem .6rem; border-radius: 1rem; border: 1px solid var(--line);
  font-size: .85rem; white-space: nowrap; }
#state.bad { color: var(--bad); border-color: currentColor; }
section, .figures div { background: var(--paper); border: 1px solid var(--line);
  border-radius: .75rem; padding: 1rem; margin-bottom: 1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem;
  background: none; border: 0; padding: 0; }
.figures div { margin: 0; color: var(--soft); font-size: .85rem; }
.figures b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--ink);
  font-variant-numeric: tabular-nums; }
.columns { display: grid; gap: 0 1rem;
  grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); }
svg { display: block; width: 100%; height: 5rem; fill: var(--accent); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
td { padding: .25rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; }
td + td { text-align: right; padding-left: 1rem; white-space: nowrap; }
pre { margin: 0; padding: .8rem; overflow-x: auto; border-radius: .5rem; background: var(--ground);
  font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
)css";

constexpr std::string_view kScript = R"js('use strict';
const byId = (id) => document.getElementById(id);
const format = (number) => number.toLocaleString('en');

function fillTable(body, rows) {
  body.replaceChildren(...(rows.length ? rows : [['nothing yet', '']]).map(([name, value]) => {
    const row = document.createElement('tr');
    for (const text of [name, value]) row.insertCell().textContent = text;
    return row;
  }));
}

function drawMinutes(counts) {
  const svg = byId('minutes');
  const top = Math.max(1, ...counts);
  const width = 600 / counts.length;
  svg.replaceChildren(...counts.map((count, i) => {
    const height = Math.max(count ? 2 : 0.5, count / top * 78);
    const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const box = { x: i * width + 1, y: 80 - height, width: width - 2, height };
    for (const [name, value] of Object.entries(box)) bar.setAttribute(name, value);
    return bar;
  }));
}

function show(numbers) {
  byId('online').textContent = format(numbers.online_users);
  byId('rate').textContent = format(numbers.events_per_minute);
  byId('total').textContent = format(numbers.total_events);
  byId('conversion').textContent = numbers.conversion_rate.toFixed(1) + ' %';
  fillTable(byId('types'),
    Object.entries(numbers.events_by_type).slice(0, 10).map(([type, n]) => [type, format(n)]));
  fillTable(byId('pages'), numbers.hot_pages.map((page) => [page.page_url, format(page.views)]));
  drawMinutes(numbers.minutes);
}

function report(text, bad) {
  byId('state').textContent = text;
  byId('state').className = bad ? 'bad' : '';
}

async function refresh() {
  try {
    const answer = await fetch('/api/stats/dashboard', { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error('status ' + answer.status);
    show(await answer.json());
    report('live', false);
  } catch (error) {
    report('no answer: ' + error.message, true);
  }
  setTimeout(refresh, 2000);
}

byId('try').textContent = `curl ${location.origin}/api/events -d '
  {"events":[{"user_id":"u1","session_id":"s1","event_type":"view",
              "page_url":"/home","timestamp":${Date.now()}}]}' \\
  -H 'Content-Type: application/json'`;
refresh();
)js";

void AddFile(Router& router, std::string_view path, std::string_view type, std::string_view body) {
  router.Get(path, [type, body](const HttpRequest&, const PathParams&) {
    HttpResponse response;
    response.content_type = type;
    response.headers.Set("Cache-Control", "no-cache");
    response.headers.Set("Content-Security-Policy", std::string(kPolicy));
    response.body = body;
    return response;
  });
}

}  // namespace

void AddPageRoutes(Router& router) {
  AddFile(router, "/", "text/html; charset=utf-8", kHtml);
  AddFile(router, "/app.css", "text/css; charset=utf-8", kCss);
  AddFile(router, "/app.js", "text/javascript; charset=utf-8", kScript);
}

}  // namespace insightflow::server
