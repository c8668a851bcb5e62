import { inspectionStyle } from '../drawInspection.ts';

const DIAGRAM = `.diagram{${inspectionStyle}}`;

/** The style sheet of the inspector's page, with that of the diagrams. */
export const CSS: string = `
:root{color-scheme:light dark;--ground:#fff;--card:#f6f8fa;--edge:#d1d9e0;--ink:#1f2328;--soft:#59636e;--accent:#0969da;--bad:#a40e26;--warn:#7d4e00}
@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--card:#161b22;--edge:#3d444d;--ink:#e6edf3;--soft:#9198a1;--accent:#4493f8;--bad:#ff9492;--warn:#e3b341}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;min-height:100dvh;display:flex;flex-direction:column;background:var(--ground);color:var(--ink);font:14px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',sans-serif}
h1,h2{margin:0;font-size:1rem;line-height:1.4}
p{margin:0}
button,select,input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:6px;padding:.3rem .6rem;min-height:2rem}
button{cursor:pointer}
button:hover{border-color:var(--soft)}
button[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--ground)}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
label{display:inline-flex;align-items:center;gap:.4rem;color:var(--soft)}
header{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem 1rem;padding:.6rem 1rem;border-bottom:1px solid var(--edge)}
#status{flex:1 1 8.5rem;min-width:0;color:var(--soft)}
.tools,.bar,#playback{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem}
#playback{padding:.5rem 1rem;border-bottom:1px solid var(--edge)}
.position{flex:1;min-width:10rem}
.position input{flex:1;min-width:0;padding:0}
output{color:var(--soft);font-variant-numeric:tabular-nums}
#clock{min-width:4.5rem}
main{flex:1;display:grid;grid-template-columns:17rem minmax(0,1fr);min-height:0}
nav{padding:.8rem .6rem;border-inline-end:1px solid var(--edge);max-height:calc(100dvh - 3.4rem);overflow:auto;position:sticky;top:0}
nav h2{padding:0 .4rem .4rem}
nav ul,#findings{list-style:none;margin:0;padding:0}
nav li{content-visibility:auto;contain-intrinsic-block-size:auto 3.4rem}
nav button{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:0 .6rem;width:100%;margin-bottom:2px;padding:.35rem .5rem;border-color:transparent;background:none;text-align:start;font-variant-numeric:tabular-nums}
nav button:hover{background:var(--card)}
nav button[aria-current=true]{background:var(--card);border-color:var(--accent)}
nav .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-weight:600}
nav .more{grid-column:1/-1;color:var(--soft);font-size:.8125rem;overflow-wrap:anywhere}
.state{color:var(--soft)}
.state.error{color:var(--bad);font-weight:600}
.state.running{color:var(--accent)}
article{padding:.8rem 1rem;min-width:0;display:flex;flex-direction:column;gap:.7rem}
.head{display:flex;flex-wrap:wrap;gap:.2rem 1rem;align-items:baseline}
#title{overflow-wrap:anywhere}
#facts{color:var(--soft);font-variant-numeric:tabular-nums}
#findings li{padding:.3rem .7rem;margin-bottom:.3rem;border-inline-start:4px solid var(--edge);background:var(--card);border-radius:0 6px 6px 0;overflow-wrap:anywhere}
#findings li.error,#findings li.stall{border-color:#cf222e}
#findings li.seam{border-color:#fb8f44}
#findings li.delay,#findings li.valve{border-color:#bf8700}
#findings b{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace}
.bar input{width:9rem}
figure{margin:0;border:1px solid var(--edge);border-radius:9px;overflow:hidden;min-height:8rem;touch-action:pan-y;cursor:grab;user-select:none}
figure svg{display:block}
#tip{position:fixed;z-index:2;max-width:min(26rem,90vw);padding:.3rem .6rem;border:1px solid var(--edge);border-radius:6px;background:var(--ground);box-shadow:0 3px 12px #0003;pointer-events:none;overflow-wrap:anywhere;white-space:pre-wrap;font-size:.8125rem}
.detail{padding:.5rem .7rem;background:var(--card);border-radius:6px;min-height:2.4rem}
#detail{color:var(--soft)}
pre{margin:.4rem 0 0;max-height:14rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;white-space:nowrap}
caption{text-align:start;font-weight:600;padding-bottom:.3rem}
th,td{padding:.25rem .8rem .25rem 0;border-top:1px solid var(--edge);text-align:end}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2){text-align:start}
thead th{color:var(--soft);font-weight:400}
dialog{width:min(48rem,94vw);border:1px solid var(--edge);border-radius:9px;background:var(--ground);color:inherit}
dialog::backdrop{background:#0006}
dialog pre{max-height:50dvh;padding:.6rem;background:var(--card);border-radius:6px}
dialog form{margin-top:.8rem;text-align:end}
dl{margin:.6rem 0}
dl div{display:flex;gap:1rem;padding:.15rem 0}
dt{min-width:5rem;font-weight:600}
dd{margin:0}
@media(max-width:48rem){main{grid-template-columns:minmax(0,1fr)}nav{position:static;max-height:11rem;border-inline-end:0;border-bottom:1px solid var(--edge)}article{padding:.7rem .6rem}.bar label{flex:1}.bar input{flex:1;width:auto;min-width:4rem}}
@media(prefers-reduced-motion:reduce){*{scroll-behavior:auto!important}}
${DIAGRAM}
`;
