/**
 * The page's style. Series colours are Okabe and Ito's ("Color Universal Design", 2008), darker on white and
 * lighter on black, each at least 3:1 against its background; text is at least 4.5:1.
 */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --bg: #ffffff; --fg: #1b1f24; --soft: #57606a; --line: #d0d7de; --band: #f6f8fa; --accent: #0550ae;
  --c0: #57606a; --c1: #c05000; --c2: #0072b2; --c3: #00805c; --c4: #a8437c; --c5: #8a6d00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #0d1117; --fg: #e6edf3; --soft: #9da7b3; --line: #30363d; --band: #161b22; --accent: #79b8ff;
    --c0: #a9b4c0; --c1: #f0883e; --c2: #56b4e9; --c3: #2bc79a; --c4: #e29ac6; --c5: #f0e442;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.7rem; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 40px 0 4px; padding-top: 12px; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 24px 0 4px; }
p { margin: 4px 0 10px; max-width: 90ch; }
.soft { color: var(--soft); }
nav { margin: 12px 0 0; display: flex; flex-wrap: wrap; gap: 4px 16px; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.findings { background: var(--band); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px 12px 34px; margin: 12px 0; }
.findings li { margin: 2px 0; }
.scroll { overflow-x: auto; margin: 8px 0 4px; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: left; vertical-align: top; white-space: nowrap; }
thead th { background: var(--band); border-bottom: 1px solid var(--line); font-weight: 600; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody th { font-weight: 400; }
.number { text-align: right; }
.wrap td, .wrap th { white-space: normal; overflow-wrap: anywhere; }
figure { margin: 16px 0; }
figcaption { font-weight: 600; }
figure svg { display: block; max-width: 100%; height: auto; margin-top: 14px; --plot-background: var(--bg); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; padding: 0; margin: 8px 0 0; font-size: 13px; }
.legend svg { display: inline-block; margin: 0 6px 0 0; vertical-align: -2px; }
summary { cursor: pointer; color: var(--accent); font-size: 13px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; font-size: 13px; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
@media print {
  :root { --bg: #fff; --fg: #000; --soft: #333; --line: #999; --band: #eee; }
  nav, summary { display: none; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .scroll { overflow: visible; border: 0; }
  table { font-size: 8.5pt; } th, td { padding: 2px 5px; white-space: normal; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
@media (forced-colors: active) { figure svg { forced-color-adjust: none; background: #fff; color: #000; } }
`;
