/// How the page looks: one column, the reader's own fonts, light or dark as the system is.
enum ReportStyle {
  static let css = """
    :root { color-scheme: light dark; --text: #1c2430; --faint: #5b6675; --line: #dde2e9;
      --card: #ffffff; --page: #f5f7fa; --good: #1a7f4b; --bad: #c0362c;
      --s0: #3563c9; --s1: #d9822b; --s2: #1a9e75; --s3: #8a4fbf; --s4: #c0362c; --s5: #6b7785; }
    @media (prefers-color-scheme: dark) { :root { --text: #e4e9f0; --faint: #9aa6b5;
      --line: #333c48; --card: #1b222c; --page: #12171e; --good: #4cc38a; --bad: #f0776c;
      --s0: #7aa2f7; --s1: #f0a45d; --s2: #4fd1a5; --s3: #bb8df0; --s4: #f0776c; --s5: #a3aebb; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--text);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
    header, main { max-width: 1040px; margin: 0 auto; padding: 0 20px; }
    header { padding-top: 36px; }
    h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; }
    h2 { font-size: 17px; margin: 0 0 12px; }
    section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
      padding: 20px; margin: 18px 0; }
    .scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 22px; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: right; }
    th:first-child, td:first-child { text-align: left; }
    thead th { color: var(--faint); font-weight: 600; font-size: 13px; white-space: nowrap; }
    tbody th { font-weight: 500; }
    tbody tr:last-child th, tbody tr:last-child td { border-bottom: 0; }
    .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 24px;
      margin: 18px 0; }
    figure { margin: 0; min-width: 0; }
    figcaption { font-weight: 600; font-size: 14px; margin-bottom: 6px; }
    small { color: var(--faint); font-weight: 400; }
    svg { display: block; width: 100%; height: auto; }
    .grid { stroke: var(--line); stroke-width: 1; }
    .tick { fill: var(--faint); font-size: 11px; }
    .end { text-anchor: end; } .middle { text-anchor: middle; }
    .curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
    .curve.s0 { stroke: var(--s0); } .curve.s1 { stroke: var(--s1); }
    .curve.s2 { stroke: var(--s2); } .curve.s3 { stroke: var(--s3); }
    .curve.s4 { stroke: var(--s4); } .curve.s5 { stroke: var(--s5); }
    .fill.s0 { fill: var(--s0); } .fill.s1 { fill: var(--s1); } .fill.s2 { fill: var(--s2); }
    .fill.s3 { fill: var(--s3); } .fill.s4 { fill: var(--s4); } .fill.s5 { fill: var(--s5); }
    .key { display: inline-block; width: 14px; height: 3px; margin-right: 6px;
      vertical-align: middle; }
    .key.s0 { background: var(--s0); } .key.s1 { background: var(--s1); }
    .key.s2 { background: var(--s2); } .key.s3 { background: var(--s3); }
    .key.s4 { background: var(--s4); } .key.s5 { background: var(--s5); }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 0;
      margin: 6px 0 0; font-size: 13px; }
    .bars th, .bars td { border: 0; padding: 4px 8px 4px 0; white-space: nowrap; font-size: 13px; }
    .bars .bar { width: 60%; } .bars .bar svg { height: 14px; }
    .badge { display: inline-block; border-radius: 999px; padding: 1px 10px; font-size: 12px;
      font-weight: 600; border: 1px solid currentColor; }
    .badge.good, dd.good { color: var(--good); } .badge.bad, dd.bad { color: var(--bad); }
    .checks { list-style: none; padding: 0; margin: 0; } .checks li { padding: 5px 0; }
    article { border-top: 1px solid var(--line); padding: 10px 0; }
    article:first-of-type { border-top: 0; }
    article p { margin: 0 0 6px; font-weight: 500; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 0;
      font-size: 13px; }
    dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
    """
}
