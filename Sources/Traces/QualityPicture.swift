import Foundation

/// A quality report as a self-contained SVG picture: three histograms and the figures.
package struct QualityPicture {
  private let report: QualityReport
  private static let panelWidth = 300.0
  private static let panelHeight = 160.0

  /// A picture of `report`.
  package init(of report: QualityReport) { self.report = report }

  /// The text of the SVG file.
  package var svg: String {
    let panels = [
      panel(report.topKMass, title: "mass of the top \(report.metadata.topK)", at: 0),
      panel(report.otherMass, title: "mass of all other tokens", at: 1),
      panel(report.entropy, title: "entropy (nats)", at: 2),
    ]
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="1000" height="360" \
      viewBox="0 0 1000 360" font-family="sans-serif" font-size="12">
      <rect width="1000" height="360" fill="white"/>
      \(panels.joined(separator: "\n"))
      \(figures)
      </svg>

      """
  }

  private func panel(_ histogram: Histogram, title: String, at place: Int) -> String {
    let left = 20 + Double(place) * (Self.panelWidth + 30)
    let bottom = 40 + Self.panelHeight
    let tallest = Double(histogram.counts.max() ?? 0)
    let width = Self.panelWidth / Double(histogram.counts.count)
    let bars = histogram.counts.enumerated().filter { $0.element > 0 }.map { cell, count in
      let height = Double(count) / tallest * Self.panelHeight
      return #"<rect x="\#(number(left + Double(cell) * width))" y="\#(number(bottom - height))" "#
        + #"width="\#(number(width - 0.5))" height="\#(number(height))" fill="steelblue"/>"#
    }
    let mean = histogram.mean.map { ", mean \(number($0))" } ?? ", no rows"
    return """
      <text x="\(number(left))" y="30">\(title)\(mean)</text>
      \(bars.joined(separator: "\n"))
      <path d="M\(number(left)) \(number(bottom))h\(number(Self.panelWidth))" stroke="black"/>
      <text x="\(number(left))" y="\(number(bottom + 15))">\(number(histogram.lowest))</text>
      <text x="\(number(left + Self.panelWidth))" y="\(number(bottom + 15))" \
      text-anchor="end">\(number(histogram.highest))</text>
      """
  }

  private var figures: String {
    let gate = report.passesGate ? "passed" : "FAILED"
    let lines = [
      "\(report.sequences) sequences (\(report.duplicateSequences) repeated), \(report.rows) rows,"
        + " \(report.lossRows) in the loss, \(report.structuralRows) structural",
      "\(report.validRows) valid rows, \(report.rowsWithoutSignal) without signal,"
        + " \(report.invalidRows) invalid (\(number(100 * report.invalidShare)) %,"
        + " gate below \(number(100 * QualityReport.invalidShareLimit)) %: \(gate))",
      "token among the candidates in \(report.tokenAmongCandidates) rows,"
        + " first of them in \(report.tokenIsFirstCandidate)",
      "teacher \(report.metadata.teacher), projection \(report.metadata.projection)\(shares)",
    ]
    return lines.enumerated().map { index, line in
      #"<text x="20" y="\#(250 + 22 * index)">\#(escaped(line))</text>"#
    }.joined(separator: "\n")
  }

  private var shares: String {
    guard let shares = report.projection?.shares, !shares.isEmpty else { return "" }
    return ": "
      + shares.sorted { $0.value > $1.value }
      .map { "\($0.key) \(number(100 * $0.value)) %" }.joined(separator: ", ")
  }

  private func number(_ value: Double) -> String {
    let text = String(format: "%.3f", value)
    guard text.contains(".") else { return text }
    let trimmed = text.reversed().drop { $0 == "0" }.drop { $0 == "." }
    return String(trimmed.reversed())
  }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
