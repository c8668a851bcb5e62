/** The inspector's page. All reported values are shown as text, never as markup. */
export const html = (hasRecording: boolean): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>claude-rx inspector</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/inspector.css">
<script type="module" src="/src/inspect/page/main.js"></script>
</head>
<body data-recording="${hasRecording}">
<header>
<h1>claude-rx inspector</h1>
<p id="status" role="status">Connecting</p>
<div class="tools">
<button id="pause" type="button" aria-pressed="false" aria-keyshortcuts="Space">Pause</button>
<button id="help" type="button" aria-keyshortcuts="?">Keys</button>
</div>
</header>
<section id="playback" aria-label="Playback" hidden>
<button id="restart" type="button">Restart</button>
<label>Speed <select id="speed">
<option value="0.25">¼×</option><option value="1" selected>1×</option><option value="4">4×</option><option value="16">16×</option>
</select></label>
<label class="position">Position <input id="position" type="range" min="0" max="1000" value="0"></label>
<output id="clock" for="position">0 ms</output>
</section>
<main>
<nav aria-label="Subscriptions">
<h2>Subscriptions</h2>
<ul id="runs"></ul>
</nav>
<article aria-labelledby="title">
<div class="head">
<h2 id="title">Waiting for a subscription</h2>
<p id="facts"></p>
</div>
<ul id="findings" aria-label="Findings"></ul>
<div class="bar">
<button id="out" type="button" aria-label="Zoom out" aria-keyshortcuts="-">−</button>
<button id="in" type="button" aria-label="Zoom in" aria-keyshortcuts="+">+</button>
<button id="fit" type="button" aria-keyshortcuts="0">Fit</button>
<label>Search <input id="search" type="search" autocomplete="off" aria-keyshortcuts="/"></label>
<output id="found" for="search"></output>
<label>Stall after <select id="stall">
<option value="500">0.5 s</option><option value="1000">1 s</option><option value="5000" selected>5 s</option><option value="15000">15 s</option>
</select></label>
<button id="svg" type="button" aria-keyshortcuts="e">Save SVG</button>
<button id="test" type="button" aria-keyshortcuts="t">Marble test</button>
</div>
<figure class="diagram" id="diagram" tabindex="0" role="group" aria-label="Marble diagram. Arrow keys move between marbles and lines." aria-describedby="detail"></figure>
<div id="tip" hidden></div>
<section class="detail" aria-label="Selected value"><p id="detail" aria-live="polite">Select a marble to see its value.</p><pre id="content" tabindex="0" aria-label="Content" hidden></pre></section>
<div class="scroll" tabindex="0" role="region" aria-label="Stages">
<table><caption>Stages</caption>
<thead><tr><th scope="col">Stage</th><th scope="col">State</th><th scope="col">First text</th><th scope="col">Tokens/s</th><th scope="col">Values</th><th scope="col">Characters</th><th scope="col">Longest gap</th><th scope="col">Stalls</th></tr></thead>
<tbody id="stages"></tbody></table>
</div>
</article>
</main>
<dialog id="export" aria-labelledby="export-title">
<h2 id="export-title">Marble test</h2>
<label>Source <select id="source"></select></label>
<pre id="code" tabindex="0" aria-label="Code of the test"></pre>
<form method="dialog"><button id="copy" type="button">Copy</button> <button>Close</button></form>
</dialog>
<dialog id="keys" aria-labelledby="keys-title">
<h2 id="keys-title">Keys</h2>
<dl>
<div><dt>← →</dt><dd>previous, next marble</dd></div>
<div><dt>↑ ↓</dt><dd>line above, below</dd></div>
<div><dt>[ ]</dt><dd>previous, next subscription</dd></div>
<div><dt>+ − 0</dt><dd>zoom in, out, fit</dd></div>
<div><dt>Space</dt><dd>pause or go on</dd></div>
<div><dt>/</dt><dd>search; Enter goes to the next match</dd></div>
<div><dt>e, t</dt><dd>save as SVG, as a marble test</dd></div>
</dl>
<form method="dialog"><button>Close</button></form>
</dialog>
</body>
</html>
`;
