/// `report.html`: the whole report as one page that needs nothing else, no script and no network.
package enum ReportPage {
  /// The page.
  package static func html(_ content: ReportContent) -> String {
    let sections = [
      scores(content), tasks(content), checklist(content), plots(content), figures(content),
      dryRun(content),
      samples(content), facts(content),
    ]
    let summary = content.summary
    let missed = summary.checklist.count { !$0.passed }
    let checks =
      missed == 0 ? "" : badge("\(missed) of \(summary.checklist.count) checks missed", .bad)
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(HTMLText.escaped(content.title))</title>
      <style>
      \(ReportStyle.css)
      </style>
      </head>
      <body>
      <header>
      <h1>\(HTMLText.escaped(content.title))</h1>
      <p>\(badge(summary.state, summary.state == "succeeded" ? .good : .bad)) \(checks)
      \(HTMLText.escaped(summary.startedAt ?? "")) · \(FigureText.duration(summary.durationS))</p>
      </header>
      <main>
      \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
      </main>
      </body>
      </html>

      """
  }

  private enum Verdict: String { case good, bad }

  private static func badge(_ text: String, _ verdict: Verdict) -> String {
    #"<span class="badge \#(verdict.rawValue)">\#(HTMLText.escaped(text))</span>"#
  }

  private static func section(_ title: String, _ body: String) -> String {
    "<section><h2>\(HTMLText.escaped(title))</h2>\n\(body)\n</section>"
  }

  private static func table(header: [String], rows: [[String]]) -> String {
    let head = header.map { #"<th scope="col">\#(HTMLText.escaped($0))</th>"# }
    let body = rows.map { cells in
      let first = #"<th scope="row">\#(HTMLText.escaped(cells[0]))</th>"#
      return "<tr>" + first
        + cells.dropFirst().map { "<td>\(HTMLText.escaped($0))</td>" }.joined() + "</tr>"
    }
    return """
      <div class="scroll"><table><thead><tr>\(head.joined())</tr></thead>
      <tbody>\(body.joined(separator: "\n"))</tbody></table></div>
      """
  }

  private static func scores(_ content: ReportContent) -> String {
    guard content.hasScores else { return "" }
    let rows = content.scores.map { name, scores in
      [name] + ReportContent.scoreColumns.map { $0.text(scores) }
    }
    func bars(_ title: String, _ value: (ModelScores) -> Double?) -> String {
      BarChart(
        title: title, full: 1,
        bars: content.scores.enumerated().map { index, model in
          let share = value(model.scores)
          return .init(
            name: model.name, value: share, text: FigureText.percent(share), color: index)
        }
      ).html
    }
    let table = table(header: ["Model"] + ReportContent.scoreColumns.map(\.name), rows: rows)
    let comparison = content.comparison.map { comparison in
      "<h3>\(HTMLText.escaped(comparison.title))</h3>"
        + Self.table(header: comparison.header, rows: comparison.rows)
    }
    return section(
      "Quality on the test part",
      table + (comparison ?? "") + #"<div class="pair">"# + bars("Exact match", \.exactMatch)
        + bars("JSON valid", \.jsonValidRate) + "</div>")
  }

  private static func tasks(_ content: ReportContent) -> String {
    let tables = content.taskTables.map { tasks in
      "<h3>\(HTMLText.escaped(tasks.title))</h3>" + table(header: tasks.header, rows: tasks.rows)
    }
    guard !tables.isEmpty else { return "" }
    return section(
      "Tasks", "<p>Each figure with its bootstrap interval of 95 %.</p>" + tables.joined())
  }

  private static func plots(_ content: ReportContent) -> String {
    let drawings = content.plots.map { LineChart(plot: $0).svg }.filter { !$0.isEmpty }
    guard !drawings.isEmpty else { return "" }
    return section("Training", #"<div class="pair">"# + drawings.joined(separator: "\n") + "</div>")
  }

  private static func figures(_ content: ReportContent) -> String {
    let (sizes, speed, qei) = (
      content.summary.sizesBytes, content.summary.speed, content.summary.qei
    )
    func size(_ name: String, _ bytes: Int?, _ color: Int) -> BarChart.Bar {
      .init(name: name, value: bytes.map(Double.init), text: FigureText.bytes(bytes), color: color)
    }
    func rate(_ name: String, _ value: Double?, _ color: Int) -> BarChart.Bar {
      .init(name: name, value: value, text: FigureText.speed(value), color: color)
    }
    let charts = [
      BarChart(
        title: "Weights",
        bars: [
          size("Teacher", sizes.teacher, 0), size("Student, in training", sizes.studentLatent, 1),
          size("Student, packed", sizes.studentPacked, 2),
        ]),
      BarChart(
        title: "Speed",
        bars: [
          rate("Teacher, prefill", speed.teacher.prefillTokensPerS, 0),
          rate("Student, prefill", speed.student.prefillTokensPerS, 2),
          rate("Teacher, decode", speed.teacher.decodeTokensPerS, 0),
          rate("Student, decode", speed.student.decodeTokensPerS, 2),
        ]),
    ]
    let indices = table(
      header: ["Quality efficiency index", "Value"],
      rows: [
        ["QEI = (quality ratio) / (memory ratio)", FigureText.number(qei.qei)],
        ["QEI × speed ratio", FigureText.number(qei.qeiSpeed)],
        ["Quality is measured by", qei.qualityMetric ?? FigureText.missing],
      ])
    return section(
      "Sizes and speeds",
      #"<div class="pair">"# + charts.map(\.html).joined(separator: "\n") + "</div>" + indices)
  }

  private static func dryRun(_ content: ReportContent) -> String {
    guard let run = content.dryRun else { return "" }
    let (predicted, measured) = (run.predictedBytes, run.measuredBytes)
    let memory = table(
      header: ["Memory", "Predicted", "Measured"],
      rows: [
        ("Packed weights", predicted.packedWeights, measured.packedWeights),
        ("Embeddings", predicted.embeddings, measured.embeddings),
        ("Keys and values", predicted.cache, measured.cache),
        ("Scratch", predicted.scratch, measured.scratch),
        ("Together", predicted.total, measured.total),
        ("Process before", nil, run.baselineRssBytes),
        (
          "Peak resident", predicted.total.map { $0 + (run.baselineRssBytes ?? 0) },
          run.peakRssBytes
        ),
      ].map { [$0.0, FigureText.bytes($0.1), FigureText.bytes($0.2)] })
    let phases = table(
      header: ["Activations", "Prefill", "Decode", "NaN", "Inf"],
      rows: [("8 bits", run.a8), ("4 bits", run.a4)].map { name, phase in
        [
          name, FigureText.speed(phase.prefillTokensPerS),
          FigureText.speed(phase.decodeTokensPerS), phase.nanCount.map(String.init) ?? "–",
          phase.infCount.map(String.init) ?? "–",
        ]
      })
    let training =
      run.training.isEmpty
      ? ""
      : table(
        header: [
          "Training: machines", "ZeRO stage", "Weights", "Gradients", "Optimizer", "Activations",
          "Each",
        ],
        rows: run.training.map { row in
          ["\(row.worldSize)", "\(row.zeroStage)"]
            + [
              row.weightBytes, row.gradientBytes, row.optimizerBytes, row.activationBytes,
              row.totalBytes,
            ].map { FigureText.bytes($0) }
        })
    let difference = run.difference.relativeRms.map { share in
      " A4 differs from A8 by \(FigureText.percent(share)) (RMS); "
        + "\(FigureText.percent(run.difference.sameTop)) of the top tokens are the same."
    }
    let lead = """
      <p>\(HTMLText.escaped(run.model)): \(FigureText.count(run.parameters)) parameters, \
      \(run.batchSize) × \(run.sequenceLength) tokens, \(run.decodeTokens) decoded.\
      \(difference ?? "")</p>
      """
    return section("Dry run at full size", lead + memory + phases + training)
  }

  private static func checklist(_ content: ReportContent) -> String {
    guard !content.summary.checklist.isEmpty else { return "" }
    let items = content.summary.checklist.map { check in
      let value = check.value.map { " <small>\(FigureText.number($0))</small>" } ?? ""
      let mark = check.passed ? badge("pass", .good) : badge("fail", .bad)
      return "<li>\(mark) \(HTMLText.escaped(check.name))\(value)</li>"
    }
    return section("Checklist", #"<ul class="checks">"# + items.joined(separator: "\n") + "</ul>")
  }

  private static func samples(_ content: ReportContent) -> String {
    guard let evaluation = content.evaluation, !evaluation.samples.isEmpty else { return "" }
    let items = evaluation.samples.map { sample in
      let answers = sample.answers.sorted { $0.key < $1.key }.map { name, text in
        let mark = text == sample.expected ? "good" : "bad"
        return #"<dt>\#(HTMLText.escaped(name))</dt><dd class="\#(mark)"><code>"#
          + HTMLText.escaped(text) + "</code></dd>"
      }
      return """
        <article><p>\(HTMLText.escaped(sample.prompt))</p><dl><dt>expected</dt>\
        <dd><code>\(HTMLText.escaped(sample.expected))</code></dd>\(answers.joined())</dl></article>
        """
    }
    return section("Answers", items.joined(separator: "\n"))
  }

  private static func facts(_ content: ReportContent) -> String {
    let jobs = content.summary.jobs.sorted { $0.key < $1.key }.map { ("Job: \($0.key)", $0.value) }
    let rows = (content.facts + jobs).map { [$0.0, $0.1] }
    guard !rows.isEmpty else { return "" }
    return section("How it was made", table(header: ["", ""], rows: rows))
  }
}
