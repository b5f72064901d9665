/// The report as text for a terminal.
package enum TerminalReport {
  /// Whether words may be coloured: on a terminal, not in a file.
  package enum Style: Sendable { case plain, colored }

  /// The whole report, 80 to 96 columns wide.
  package static func text(_ content: ReportContent, style: Style) -> String {
    let summary = content.summary
    var parts = [
      "\(content.title): \(summary.state) in \(FigureText.duration(summary.durationS))"
    ]
    if content.hasScores {
      parts.append(
        table(
          header: ["Model"] + ReportContent.scoreColumns.map(\.name),
          rows: content.scores.map { name, scores in
            [name] + ReportContent.scoreColumns.map { $0.text(scores) }
          }))
    }
    parts += ([content.comparison].compactMap(\.self) + content.taskTables).map { tasks in
      tasks.title + "\n" + table(header: tasks.header, rows: tasks.rows)
    }
    parts.append(
      table(header: ["Sizes and speeds", ""], rows: content.figures.map { [$0.name, $0.value] }))
    if summary.dryrun.parameters != nil {
      parts.append(
        table(
          header: ["Dry run", content.dryRun?.model ?? ""],
          rows: content.dryRunFigures.map { [$0.name, $0.value] }))
    }
    if !summary.checklist.isEmpty {
      parts.append(summary.checklist.map { line($0, style) }.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  private static func line(_ check: PipelineSummary.Check, _ style: Style) -> String {
    let word = check.passed ? "pass" : "FAIL"
    let shown =
      switch style {
      case .plain: word
      case .colored: "\u{1B}[\(check.passed ? 32 : 31)m\(word)\u{1B}[0m"
      }
    let value = check.value.map { " (\(FigureText.number($0)))" } ?? ""
    return "  \(shown)  \(check.name)\(value)"
  }

  /// Columns as wide as their longest cell: the first to the left, the others to the right.
  package static func table(header: [String], rows: [[String]]) -> String {
    let lines = [header] + rows
    let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    func text(_ cells: [String]) -> String {
      let padded = cells.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - cells[column].count)
        return column == 0 ? cells[column] + space : space + cells[column]
      }
      return "  " + padded.joined(separator: "  ")
    }
    let rule = "  " + String(repeating: "─", count: widths.reduce(2 * (widths.count - 1), +))
    return ([text(header), rule] + rows.map(text)).joined(separator: "\n")
  }
}
