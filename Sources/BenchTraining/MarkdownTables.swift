import Distillation
import Foundation
import Transformer

/// The tables of `bench/README.md`.
struct MarkdownTables {
  private let summaries: [CaseSummary]

  init(_ summaries: [CaseSummary]) { self.summaries = summaries }

  /// Tokens a second beside each peer's, and the ratios that issue 3 asks for.
  var steps: String {
    table(
      ["shape", "threads", "ours"] + PeerMode.allCases.map(\.name)
        + ["to the best", "to eager fp32", "peak RSS", "to the leanest", "runs"],
      summaries.map { summary in
        let wanted = summary.benchCase.wanted(threads: summary.threads)
        let ours = summary.ours
        return [
          summary.benchCase.rawValue, "\(summary.threads)", rate(ours.tokensPerSecond),
        ] + PeerMode.allCases.map { rate(summary.peers[$0]?.tokensPerSecond) } + [
          verdict(
            summary.best.map { ours.tokensPerSecond / $0.tokensPerSecond }, atLeast: wanted.best),
          verdict(
            summary.peers[.fp32].map { ours.tokensPerSecond / $0.tokensPerSecond },
            atLeast: wanted.eager),
          String(format: "%.2f GB", ours.residentBytes / 1e9),
          verdict(
            summary.leanestBytes.map { ours.residentBytes / $0 }, atMost: wanted.residentBytes),
          "\(summary.ours.runs)",
        ]
      })
  }

  /// How near the steps come to what arithmetic and memory allow.
  var limits: String {
    table(
      [
        "shape", "threads", "limit", "reached", "limit with the measured peaks", "reached",
        "products' share", "int8 GOP/s", "bf16 or fp32 GFLOP/s", "memory GB/s",
      ],
      summaries.map { summary in
        let wanted = summary.benchCase.wanted(threads: summary.threads).limit
        let speed = summary.ours.tokensPerSecond
        return [
          summary.benchCase.rawValue, "\(summary.threads)", rate(summary.limit),
          percent(speed / summary.limit) + " (≥ \(percent(wanted)))",
          rate(summary.measuredLimit), percent(summary.measuredLimit.map { speed / $0 }),
          percent(summary.profile?.productShare), giga(summary.peaks?.int8),
          giga(summary.peaks?.floats), giga(summary.peaks?.bytes),
        ]
      })
  }

  /// Where a step's time goes, the longest operation first.
  func operations(of summary: CaseSummary) -> String {
    guard let profile = summary.profile else { return "" }
    let title = String(
      format: "`%@`, %d thread%@: %.1f ms a step", summary.benchCase.rawValue, summary.threads,
      summary.threads == 1 ? "" : "s", 1000 * profile.stepSeconds)
    let rows = profile.operations.sorted { $0.seconds > $1.seconds }
      .filter { $0.share >= 0.001 }
    return title + "\n\n"
      + table(
        ["operation", "ms", "share", "bound by", "rate", "of peak"],
        rows.map { operation in
          [
            "`\(operation.operation.rawValue)`", String(format: "%.2f", 1000 * operation.seconds),
            percent(operation.share), operation.limit.rawValue,
            operation.perSecond.map { giga($0) + unit(operation.limit) } ?? "–",
            percent(operation.shareOfPeak),
          ]
        })
  }

  private func unit(_ limit: RunProfile.Limit) -> String {
    switch limit {
    case .int8, .int16: " GOP/s"
    case .bf16, .fp32: " GFLOP/s"
    case .memory: " GB/s"
    }
  }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    ([head, head.map { _ in "---" }] + rows)
      .map { "| " + $0.joined(separator: " | ") + " |" }
      .joined(separator: "\n")
  }

  private func rate(_ value: Double?) -> String {
    value.map { String(format: $0 < 100 ? "%.1f" : "%.0f", $0) } ?? "–"
  }

  private func giga(_ value: Double?) -> String {
    value.map { String(format: "%.1f", $0 / 1e9) } ?? "–"
  }

  private func percent(_ value: Double?) -> String {
    value.map { String(format: "%.0f %%", 100 * $0) } ?? "–"
  }

  private func verdict(_ value: Double?, atLeast bound: Double?) -> String {
    guard let value else { return "–" }
    let text = String(format: "%.2f", value)
    return text
      + (bound.map { String(format: value >= $0 ? " (≥ %.2f)" : " (**< %.2f**)", $0) } ?? "")
  }

  private func verdict(_ value: Double?, atMost bound: Double) -> String {
    guard let value else { return "–" }
    return String(format: value <= bound ? "%.2f (≤ %.2f)" : "%.2f (**> %.2f**)", value, bound)
  }
}
